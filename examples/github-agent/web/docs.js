// Shows openapi.json, and lets an invocation be tried. All texts are put into the page as text.

import { getJSON, invoke, make, newSession, webLink } from "/stream.js";

const main = document.getElementById("operations");

function operation(path, method, described) {
  const answers = make("dl", { class: "answers" });
  for (const [status, answer] of Object.entries(described.responses || {})) {
    answers.append(make("dt", {}, status), make("dd", {}, answer.description));
  }
  const section = make("section", { class: "operation" },
    make("h2", {}, make("span", { class: "method" }, method.toUpperCase()), make("code", {}, path), described.summary || ""),
    make("p", {}, described.description || ""), answers);
  if (method === "post" && path === "/invocations") section.append(trial(described));
  return section;
}

// trial is the form of an invocation and the events of its answer as they arrive.
function trial(described) {
  const schema = described.requestBody.content["application/json"].schema.properties;
  const session = make("input", { name: "sessionId", required: "", maxlength: "256", value: newSession() });
  const message = make("textarea", { name: "message", required: "", rows: "3" });
  const send = make("button", { type: "submit" }, "Send");
  const stop = make("button", { type: "button", class: "second", hidden: "" }, "Stop");
  const output = make("pre", { class: "output", role: "log", "aria-label": "Events of the answer", tabindex: "0" });
  const form = make("form", { class: "try" },
    make("label", {}, "sessionId: " + schema.sessionId.description, session),
    make("label", {}, "message: " + schema.message.description, message),
    make("div", { class: "buttons" }, send, stop), output);
  let running = null;
  stop.addEventListener("click", () => running?.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    running = new AbortController();
    [send.hidden, stop.hidden] = [true, false];
    output.replaceChildren();
    try {
      for await (const e of invoke(session.value, message.value, running.signal)) print(output, e);
    } catch (error) {
      output.append(error.name === "AbortError" ? "stopped\n" : error.message + "\n");
    }
    running = null;
    [send.hidden, stop.hidden] = [false, true];
  });
  return form;
}

function print(output, event) {
  output.append(JSON.stringify(event) + "\n");
  if (event.type === "authorization_required" && webLink(event.url)) {
    output.append(make("a", { href: event.url, target: "_blank", rel: "noopener noreferrer" }, "Give consent, then send the message again"), "\n");
  }
  output.scrollTop = output.scrollHeight;
}

async function begin() {
  const api = await getJSON("/openapi.json");
  document.getElementById("lead").textContent = api.info.description;
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, described] of Object.entries(methods)) main.append(operation(path, method, described));
  }
}
begin().catch((error) => main.append(make("p", { class: "note" }, error.message)));
