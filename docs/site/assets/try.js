/** The form of the page "Try it": sends one request to a service, and shows its answer as text. */
(() => {
  const form = document.getElementById("try");
  const answer = document.getElementById("answer");
  if (!form || !answer) {
    return;
  }
  const requests = {
    "POST /jobs?wait=30": '{"type": "sleep", "payload": {"seconds": 1}}',
    "POST /analyze?p=ERROR&p=WARN": "ERROR disk full\nWARN disk slow\nERROR ERROR twice",
    "GET /jobs?limit=5": "",
    "GET /types": "",
    "GET /healthz": "",
  };
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
    const isLog = path.startsWith("/analyze");
    const headers = {
      ...(token.value && { Authorization: `Bearer ${token.value}` }),
      ...(method === "POST" && { "Content-Type": isLog ? "text/plain" : "application/json" }),
    };
    answer.hidden = false;
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
        `No answer that this page may read. Does the service run at ${service.value}, ` +
        `with CORS_ORIGINS=${location.origin}?`;
    }
  });
  form.hidden = false;
})();
