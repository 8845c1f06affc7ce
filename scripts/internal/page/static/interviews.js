import { $, busy, button, el, fill, get, order, problem, said, table } from "./page.js";

let ends = 0;

function clock() {
  const box = $("#clock");
  if (!box) return;
  const left = Math.round((ends - Date.now()) / 1000), all = Math.abs(left);
  const text = `${Math.floor(all / 60)} min ${all % 60} s ${left < 0 ? "OVER" : "left"}`;
  if (box.textContent !== text) box.textContent = text;
  box.classList.toggle("bad", left < 0);
}

function checks(grade) {
  return grade?.checks ? el("ul", {}, ...grade.checks.map((c) => el("li", {}, el("strong", { class: c.passed ? "good" : "bad" }, `${c.name ?? c.check}: ${c.passed ? "passed" : "failed"}`), ` ${c.detail ?? ""}`))) : null;
}

// report is what is told at the end: what it was, and what was done when.
function report(r) {
  return [el("h3", {}, r.title), el("p", {}, `${r.level}, ${r.kind}, seed ${r.seed}: ${Math.round(r.used_seconds / 60)} of ${r.minutes} minutes. ${r.sheet_opened ? "The sheet was opened meanwhile." : ""}`),
    table("Timeline", [["When", (e) => new Date(e.time).toLocaleTimeString([], { hour12: false })], ["What", (e) => e.kind], ["", (e) => el("code", {}, e.text), "break"]], r.timeline ?? [], "Nothing was done."),
    checks(r.grade)];
}

async function act(verb, parameters = {}, well) {
  fill($("#outcome"), el("p", {}, "Busy: this may take a minute …"));
  const a = await order(verb, parameters);
  fill($("#outcome"), a.error && el("p", { class: "bad" }, a.error + (a.try ? ` Try: ${a.try}` : "")),
    ...(verb === "interview-end" && a.result ? report(a.result) : [checks(a.result)]));
  said(a, well);
  await show();
}

function current(i) {
  ends = new Date(i.started).getTime() + i.minutes * 60000;
  return [el("p", {}, el("strong", {}, `${i.level}, ${i.kind}`), ` · seed ${i.seed} · ${i.minutes} minutes · `, el("strong", { id: "clock" })),
    ...i.told.trim().split("\n\n").map((p) => el("p", {}, p)),
    i.edit?.length ? el("p", {}, "Yours to change, in ", el("code", {}, i.folder), ": ", el("code", {}, i.edit.join("  "))) : null,
    el("p", { class: "buttons" }, ...(i.edit?.length ? [button("Apply", "the files", () => act("interview-apply", {}, "In force.")), button("Check", "whether it is mended", () => act("interview-check", {}, "Mended."))] : []),
      button("End", "the interview", () => act("interview-end", {}, "The lab is as it was.")))];
}

async function show() {
  let under;
  try {
    under = await get("interview");
  } catch { // none is
  }
  fill($("#current"), ...(under ? current(under) : [el("p", { class: "none" }, "None.")]));
  clock();
}

$("#start").addEventListener("submit", (e) => {
  e.preventDefault();
  const given = Object.fromEntries(["level", "kind", "minutes", "seed"].map((id) => [id, $(`#${id}`).value]));
  busy($("#start button"), () => act("interview-start", given, "It has begun."));
});
setInterval(clock, 1000);

try {
  await show();
  fill($("#list"), table("Interviews", [["Level", (l) => l.level], ["Kind", (l) => l.kind], ["Interviews", (l) => String(l.interviews), "n"], ["Variants", (l) => String(l.variants), "n"]],
    (await get("interviews")).filter((l) => l.interviews), "No interviews."));
} catch (e) {
  problem($("#list"), e);
}
