// What all views share: making elements, asking the lab, and what streams from it. Words go into the page as text nodes; the
// page's policy (Trusted Types) makes anything else an error.

const csrf = document.querySelector("meta[name=csrf]").content;

// unsafe: the control infra.page.words is off, and shows what it stops.
const unsafe = document.querySelector("meta[name=markup]") !== null;
const told = new Set();

// put shows words, and says when somebody has put markup in them.
function put(e, words) {
  const at = words.search(/<[a-z!/]/i);
  if (at >= 0 && unsafe) return e.insertAdjacentHTML("beforeend", words);
  e.append(words);
  if (at < 0 || told.size > 9 || told.has(words)) return;
  told.add(words);
  fetch("/markup", { method: "POST", headers: { "Content-Type": "application/json", "X-Redoubt-Csrf": csrf }, body: JSON.stringify({ words: words.slice(at, at + 200) }) })
    .catch(() => {}); // the lab is gone
}

export function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (value === true) e.setAttribute(name, "");
    else if (value !== false && value != null) e.setAttribute(name, value);
  }
  for (const c of children) {
    if (typeof c === "string") put(e, c);
    else if (c != null && c !== false) e.append(c);
  }
  return e;
}

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

async function answer(response) {
  if (response.status === 401) {
    location.reload();
    throw new Error("The page was closed.");
  }
  if (!(response.headers.get("content-type") ?? "").includes("json")) throw new Error(await response.text());
  return response.json();
}

// get asks a verb that changes nothing, and returns its result.
export async function get(verb, parameters = {}) {
  const a = await answer(await fetch(`/api/${verb}?${new URLSearchParams(parameters)}`));
  if (a.result === null && a.error) throw new Error(a.error);
  return a.result;
}

// order runs a verb that changes something, and returns its whole answer: {command, code, result, error, try}.
export async function order(verb, parameters = {}) {
  return answer(await fetch(`/api/${verb}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Redoubt-Csrf": csrf },
    body: JSON.stringify(parameters),
  }));
}

// button is one that orders something, is busy meanwhile, and then says how it went.
export function button(label, about, act) {
  const b = el("button", { type: "button", "aria-label": about ? `${label}, ${about}` : null }, label);
  b.addEventListener("click", () => busy(b, act));
  return b;
}

export async function busy(b, act) {
  if (b.getAttribute("aria-disabled") === "true") return;
  b.setAttribute("aria-disabled", "true");
  try {
    await act();
  } catch (e) {
    say(e.message, true);
  } finally {
    b.removeAttribute("aria-disabled");
  }
}

// say tells what became of an order, where a screen reader hears it.
export function say(text, bad = false) {
  let box = $("#said");
  if (!box) {
    box = el("p", { id: "said", role: "status", "aria-live": "polite" });
    document.body.append(box);
  }
  box.className = bad ? "bad" : "good";
  box.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => box.remove(), 12000);
}

// said tells an answer that went wrong, and whether it went well.
export function said(a, well) {
  if (a.code === 0 && !a.error) {
    if (well) say(well);
    return true;
  }
  say(a.error + (a.try ? ` Try: ${a.try}` : ""), true);
  return false;
}

export function problem(where, error) {
  where.replaceChildren(el("p", { class: "bad" }, error.message));
}

export const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false });

export function duration(seconds) {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1000).toPrecision(3)} ms`;
  return `${seconds.toPrecision(3)} s`;
}

export function rate(r) {
  return r === 0 ? "0/s" : `${r < 10 ? r.toFixed(1) : Math.round(r)}/s`;
}

// watch calls f with each moment that the lab streams.
const watchers = [];
export function watch(f) { watchers.push(f); }

let alertsSeen = null;

function health(m) {
  const s = m.status;
  const state = !s.ready ? "bad" : s.degraded.length > 0 ? "warn" : "good";
  $("#health-dot").className = `dot ${state}`;
  const why = s.degraded[0];
  const text = `${!s.ready ? "not ready" : why ? "degraded" : "ready"}${why ? `: ${why.component}: ${why.reason}` : ""}, profile ${s.profile}, mode ${s.mode}`;
  if ($("#health").textContent !== text) $("#health").textContent = text;
  const unsafe = [];
  if (s.controls_off.length > 0) unsafe.push(`UNSAFE: controls are off: ${s.controls_off.join(", ")}`);
  if (s.exercise) unsafe.push(`Broken on purpose: exercise ${s.exercise}`);
  if (s.delays.length > 0) unsafe.push(`Delays are injected: ${s.delays.join(", ")}`);
  $("#unsafe").hidden = unsafe.length === 0;
  if ($("#unsafe").textContent !== unsafe.join(" · ")) $("#unsafe").textContent = unsafe.join(" · ");
  $("#doing").hidden = !m.doing;
  const doing = m.doing ? `Busy: ${m.doing}` : "";
  if ($("#doing").textContent !== doing) $("#doing").textContent = doing;
  if (alertsSeen !== null && m.raised > alertsSeen) {
    const last = m.alerts.at(-1);
    say(last ? `Alert, ${last.level}: ${last.title}` : "Alerts were raised", true);
  }
  alertsSeen = m.raised;
}

const source = new EventSource("/live");
source.onmessage = (message) => {
  const m = JSON.parse(message.data);
  health(m);
  for (const f of watchers) f(m);
};
source.onerror = () => {
  $("#health-dot").className = "dot bad";
  $("#health").textContent = "the lab doesn't answer";
};

// table makes one: columns are [heading, cell(row), class]. On a phone each row is a card.
export function table(caption, columns, rows, nothing) {
  if (rows.length === 0) return el("p", { class: "none" }, nothing);
  const head = el("tr", {}, ...columns.map(([name, , kind]) => el("th", { scope: "col", class: kind }, name)));
  const body = rows.map((row) => el("tr", {}, ...columns.map(([name, cell, kind], i) => {
    const value = cell(row);
    return el(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: kind, "data-of": i === 0 ? null : name },
      ...(Array.isArray(value) ? value : [value ?? ""]));
  })));
  return el("table", {}, el("caption", { class: "visually-hidden" }, caption), el("thead", {}, head), el("tbody", {}, ...body));
}

export function fill(where, ...what) {
  where.classList.remove("none");
  where.replaceChildren(...what.filter(Boolean));
}

// filtered shows those rows whose text has what is typed.
export function filtered(input, show) {
  input.addEventListener("input", () => show(input.value.trim().toLowerCase()));
  show("");
}
