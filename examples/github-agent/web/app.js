// The chat. Everything that a model or an API wrote is put into the page as text.

import { Refused, getJSON, invoke, make, newSession, webLink } from "/stream.js";

const $ = (id) => document.getElementById(id);
const log = $("log");
const box = $("message");

const suggestions = {
  github: ["Who am I on GitHub?", "Which of my projects did I touch last?"],
  google: ["Who am I at Google?", "What is next in my calendar?"],
};

// What scopes mean in words. One that is not here is shown as it is called.
const meanings = {
  "read:user": "read your profile",
  repo: "your repositories, private ones too",
  openid: "know which account is yours",
  "https://www.googleapis.com/auth/userinfo.email": "read your email address",
  "https://www.googleapis.com/auth/userinfo.profile": "read your name",
  "https://www.googleapis.com/auth/calendar.events.readonly": "read the events of your calendar",
};

let session = localStorage.getItem("session") || remember(newSession());
let running = null; // the AbortController of the answer that is on its way
let waiting = null; // the consent that is waited for: { question, bubble, card }

function remember(id) {
  localStorage.setItem("session", id);
  return id;
}

function status(text) {
  $("status").textContent = text;
}

// add puts a message below the others. What is still being written is announced when it is whole.
function add(role, text) {
  $("welcome").hidden = true;
  const body = make("div", { class: "text" }, text);
  const bubble = make("article", { class: `message ${role}`, "aria-label": role === "user" ? "You" : "Agent" }, body);
  log.append(bubble);
  scroll();
  return { bubble, body };
}

function scroll() {
  const end = document.documentElement;
  end.scrollTo({ top: end.scrollHeight });
}

// ask sends a question. After consent it is sent again into the bubble in which the consent was asked for.
async function ask(question, into) {
  endWaiting();
  const { bubble, body } = into || (add("user", question), add("assistant", ""));
  body.textContent = "";
  bubble.setAttribute("aria-busy", "true");
  running = new AbortController();
  show();
  try {
    for await (const event of invoke(session, question, running.signal)) take(event, question, { bubble, body });
  } catch (error) {
    const stopped = error.name === "AbortError";
    note(bubble, stopped ? "Stopped." : error.message, stopped ? null : () => ask(question, { bubble, body }));
  }
  bubble.removeAttribute("aria-busy");
  running = null;
  show();
}

function take(event, question, at) {
  switch (event.type) {
    case "text":
      at.body.append(event.text);
      scroll();
      break;
    case "authorization_required":
      waitFor(question, event, at);
      break;
    case "error":
      note(at.bubble, event.message, () => ask(question, at));
      break;
  }
}

// note says what went wrong, with a way on.
function note(bubble, text, again) {
  bubble.querySelector(".note")?.remove();
  const line = make("div", { class: "note" }, make("p", {}, text));
  if (again) {
    const button = make("button", { type: "button", class: "second" }, "Ask again");
    button.addEventListener("click", () => {
      line.remove();
      if (!running) again();
    });
    line.append(button);
  }
  bubble.append(line);
  scroll();
}

// waitFor shows the consent card and watches until the user has decided.
function waitFor(question, event, at) {
  at.body.textContent = "";
  const card = consentCard(event);
  at.bubble.append(card);
  waiting = { question, card, at, since: Date.now() };
  status("Your consent is needed.");
  scroll();
  watch();
}

function consentCard(event) {
  const scopes = make("ul", { class: "scopes" }, ...(event.scopes || []).map((s) => make("li", {}, make("code", {}, s), Object.hasOwn(meanings, s) ? " " + meanings[s] : "")));
  const card = make("section", { class: "consent", "aria-label": "Consent" },
    make("h3", {}, "Your consent is needed"),
    make("p", {}, "To answer this, the agent needs access to your account through ", make("b", {}, event.provider), ". It asks for:"),
    scopes);
  if (webLink(event.url)) {
    const link = make("a", { class: "button", href: event.url, target: "_blank", rel: "noopener noreferrer" }, "Give consent", make("span", { class: "sr" }, " (opens a new tab)"));
    card.append(link, make("p", { class: "wait" }, make("span", { class: "dots", "aria-hidden": "true" }), "Your question is kept and answered as soon as you have decided."));
  } else {
    card.append(make("p", {}, "The address for it is not one that may be opened."));
  }
  return card;
}

const lookEvery = 2500;
const linkLives = 11 * 60 * 1000;
let timer = 0;

// watch looks whether the user has decided, only while somebody looks at the page.
function watch() {
  clearTimeout(timer);
  if (!waiting || document.hidden) return;
  timer = setTimeout(look, lookEvery);
}

async function look() {
  const at = waiting;
  if (!at || running) return;
  let decided = Date.now() - at.since > linkLives ? "expired" : "waiting";
  try {
    decided = (await getJSON(`/consent?sessionId=${encodeURIComponent(session)}`)).status;
  } catch (error) {
    if (at !== waiting) return;
    if (error instanceof Refused) return giveUp(error.message, at);
    // It is looked at again: a network or a service that is away for a moment is no decision.
  }
  if (at !== waiting) return;
  decide(decided, at);
}

// giveUp ends the waiting and says why; the question can be asked again.
function giveUp(why, { question, at }) {
  endWaiting();
  note(at.bubble, why, () => ask(question, at));
  status("");
}

function decide(decided, { question, at }) {
  const ends = {
    refused: "You did not give consent, so the question was not answered.",
    expired: "The link to consent is no longer good.",
    none: "The question is no longer kept.",
  };
  if (decided === "granted") {
    at.bubble.querySelector(".granted")?.remove();
    at.body.before(make("p", { class: "granted" }, "Consent given"));
    status("Thank you. The question is being answered.");
    ask(question, at);
  } else if (ends[decided]) {
    giveUp(ends[decided], { question, at });
  } else {
    watch();
  }
}

function endWaiting() {
  waiting?.card.remove();
  waiting = null;
  clearTimeout(timer);
}

// Coming back from the other tab is when the decision was made.
function back() {
  if (!document.hidden && waiting) look();
}
document.addEventListener("visibilitychange", back);
addEventListener("focus", back);

function show() {
  $("send").hidden = Boolean(running);
  $("stop").hidden = !running;
  if (running) status("The agent is answering…");
  else if (!waiting) status("");
}

function grow() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 200)}px`;
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = box.value.trim();
  if (!question || running) return;
  box.value = "";
  grow();
  ask(question);
});
box.addEventListener("input", grow);
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});
$("stop").addEventListener("click", () => running?.abort());
$("fresh").addEventListener("click", () => {
  running?.abort();
  endWaiting();
  session = remember(newSession());
  log.replaceChildren();
  $("welcome").hidden = false;
  box.focus();
});

function welcome(me) {
  const title = { github: "GitHub", google: "Google" }[me.tools] || "account";
  $("name").textContent = me.name;
  $("email").textContent = me.email === me.name ? "" : me.email;
  $("initial").textContent = Array.from(me.name)[0]?.toUpperCase() || "?";
  if (me.signOut.startsWith("/") || webLink(me.signOut)) $("signout").href = me.signOut;
  $("provider").textContent = `${title} account`;
  document.title = `${title} agent`;
  document.querySelector("h1").textContent = `${title} agent`;
  for (const text of suggestions[me.tools] || []) {
    const button = make("button", { type: "button", class: "second" }, text);
    button.addEventListener("click", () => !running && ask(text));
    $("suggestions").append(button);
  }
}

async function begin() {
  try {
    welcome(await getJSON("/me"));
    const past = await getJSON(`/conversation?sessionId=${encodeURIComponent(session)}`);
    for (const m of past.messages) add(m.role, m.text);
    if (past.pending) {
      add("user", past.question);
      waitFor(past.question, past.pending, add("assistant", ""));
    }
    $("welcome").hidden = log.childElementCount > 0;
  } catch (error) {
    status(error.message);
  }
  box.focus();
}
begin();
