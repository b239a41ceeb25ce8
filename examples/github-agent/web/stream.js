// Reads an answer of POST /invocations: server-sent events, each with its data in one line of JSON.

// invoke sends a message and yields the events of the answer. What refuses it before it begins is thrown.
export async function* invoke(sessionId, message, signal) {
  const response = await fetch("/invocations", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify({ sessionId, message }),
    signal,
  });
  if (!response.ok) throw new Error(await reason(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6));
    }
  }
}

// reason is what a refusal says.
export async function reason(response) {
  if (response.status === 401) return "You are not signed in any more. Load the page again to sign in.";
  try {
    return (await response.json()).message || `The agent answered ${response.status}.`;
  } catch {
    return `The agent answered ${response.status}.`;
  }
}

// Refused is an answer that says no, or nothing that can be read: asking again by itself is of no use.
export class Refused extends Error {}

// away are the statuses of a server that something behind it does not answer: that may have passed in a moment.
const away = [502, 503, 504];

// getJSON reads a resource of this origin.
export async function getJSON(path) {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  if (away.includes(response.status)) throw new Error(await reason(response));
  if (!response.ok) throw new Refused(await reason(response));
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused("The agent gave an answer that cannot be read. Load the page again.");
  }
}

// webLink tells whether an address may become a link: https, or http on this machine.
export function webLink(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return false;
  }
  return url.protocol === "https:" || (url.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname));
}

// make builds an element of texts and other elements. There is no other way on these pages: nothing is parsed as HTML.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// newSession makes up a session id.
export function newSession() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
