// A provider of OpenID Connect for tests: oidc-provider, which is certified, with people whose
// claims follow from their names. Any password is right.
//
//     node provider.js '{"clients": […], "idTokenClaims": true}'     prints its issuer
//
// A line on the standard input changes it: `redirect URL` and `leave URL` add addresses to which
// clients may lead after a sign-in and a sign-out, `rotate` replaces the keys, `disable NAME` removes
// a person until `enable NAME`, `lifetime SECONDS` sets how long tokens are valid from then on.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { Provider } from "oidc-provider";

const GROUPS = { ada: ["ops", "everyone"], ann: ["developers", "everyone"], rob: ["everyone"] };
const settings = JSON.parse(process.argv[2] ?? "{}");
const disabled = new Set();
let lifetime = 300;

/** Return the claims of a person, or undefined if there is none. */
function claimsOf(name) {
  if (disabled.has(name)) return undefined;
  return {
    sub: `id-of-${name}`,
    email: `${name}@example.org`,
    email_verified: !name.startsWith("unverified"),
    preferred_username: name,
    groups: GROUPS[name] ?? [],
  };
}

/** Return a new key for signatures. */
function newKey(algorithm) {
  const { privateKey } =
    algorithm === "ES256"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    ...privateKey.export({ format: "jwk" }),
    kid: randomUUID(),
    use: "sig",
    alg: algorithm,
  };
}

let keys = [newKey("RS256"), newKey("ES256")];
const cookieKey = randomUUID();

/** Create a provider. Codes, sessions and tokens are common to all of them. */
function create(issuer) {
  const api = { scope: "", accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } };
  return new Provider(issuer, {
    clients: settings.clients,
    jwks: { keys },
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: ["preferred_username"],
      groups: ["groups"],
    },
    conformIdTokenClaims: !settings.idTokenClaims,
    cookies: { keys: [cookieKey] },
    findAccount: (_, id) => {
      const name = id.replace("id-of-", "");
      const claims = claimsOf(name);
      return claims && { accountId: claims.sub, claims: () => claims };
    },
    extraTokenClaims: (_, token) =>
      token.kind === "ClientCredentials"
        ? { email: `${token.clientId}@example.org`, email_verified: true, groups: ["developers"] }
        : claimsOf(token.accountId.replace("id-of-", "")),
    features: {
      clientCredentials: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, audience) => ({ ...api, audience }),
      },
    },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: () => lifetime,
      ClientCredentials: () => lifetime,
      IdToken: () => lifetime,
      RefreshToken: 86400,
      Interaction: 3600,
      Session: 86400,
      Grant: 86400,
    },
  });
}

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://localhost:${server.address().port}`;
  let handle = create(issuer).callback();
  server.on("request", (request, response) => handle(request, response));
  console.log(issuer);
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      const [command, value] = line.split(" ");
      if (command === "rotate") keys = [newKey("RS256"), newKey("ES256")];
      for (const client of settings.clients) {
        if (command === "redirect") client.redirect_uris.push(value);
        if (command === "leave") client.post_logout_redirect_uris.push(value);
      }
      handle = create(issuer).callback();
      if (command === "disable") disabled.add(value);
      if (command === "enable") disabled.delete(value);
      if (command === "lifetime") lifetime = Number(value);
      console.log("done");
    })
    .on("close", () => process.exit());
});
