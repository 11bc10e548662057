/** The form of the page "Try it": sends one request to a service, and shows its answer as text. */
(() => {
  const heading = document.getElementById("send-a-request");
  if (!heading || !location.pathname.endsWith("/try.html")) {
    return;
  }
  const requests = {
    "POST /jobs?wait=30": '{"type": "sleep", "payload": {"seconds": 1}}',
    "POST /analyze?p=ERROR&p=WARN": "ERROR disk full\nWARN disk slow\nERROR ERROR twice",
    "GET /jobs?limit=5": "",
    "GET /types": "",
    "GET /healthz": "",
  };
  heading.insertAdjacentHTML(
    "afterend",
    `<form>
      <p><label>Service <input name="service" type="url" size="40" value="http://localhost:5000" required></label></p>
      <p><label>Token, if it needs one <input name="token" type="password" autocomplete="off"></label></p>
      <p><label>Request <select name="request"></select></label></p>
      <p><label>Body <textarea name="body" rows="4" cols="60" spellcheck="false"></textarea></label></p>
      <p><button class="md-button">Send</button></p>
    </form>
    <pre><code aria-live="polite">No request yet</code></pre>`,
  );
  const form = heading.nextElementSibling;
  const answer = form.nextElementSibling.firstElementChild;
  const { service, token, request, body } = form.elements;
  request.append(...Object.keys(requests).map((each) => new Option(each)));
  const suggest = () => {
    body.value = requests[request.value];
    body.disabled = body.value === "";
  };
  request.addEventListener("change", suggest);
  suggest();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [method, path] = request.value.split(" ");
    const kind = path.startsWith("/analyze") ? "text/plain" : "application/json";
    const headers = {
      ...(token.value && { Authorization: `Bearer ${token.value}` }),
      ...(method === "POST" && { "Content-Type": kind }),
    };
    answer.textContent = "…";
    try {
      const url = service.value.replace(/\/+$/, "") + path;
      const response = await fetch(url, { method, headers, body: body.value || undefined });
      const text = await response.text();
      const isJson = response.headers.get("Content-Type")?.includes("json");
      const shown = isJson ? JSON.stringify(JSON.parse(text), null, 2) : text;
      answer.textContent = `${response.status} ${response.statusText}\n\n${shown}`;
    } catch {
      answer.textContent =
        `No answer that this page may read. Does the service run at ${service.value},\n` +
        `with CORS_ORIGINS=${location.origin}?`;
    }
  });
})();
