import { $, button, el, fill, get, order, problem, said, table } from "./page.js";

function left(until) {
  const s = Math.round((until - Date.now()) / 1000);
  if (s < 0) return "over";
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return s >= 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s} s`;
}

function countdown(s) {
  if (!s.expires) return el("span", { class: "warn" }, "until revoked");
  return el("span", { class: "left", "data-until": new Date(s.expires).getTime() }, left(new Date(s.expires)));
}

async function show() {
  const all = await get("secrets");
  all.sort((a, b) => new Date(a.expires ?? 8e15) - new Date(b.expires ?? 8e15));
  fill($("#list"), table("Secrets", [
    ["Holder", (s) => s.instance || s.holder], ["Kind", (s) => s.kind], ["Ends in", countdown, "n"], ["ID", (s) => el("code", {}, s.id.split("/").at(-1)), "break"],
  ], all, "Nothing is given out."));
}

setInterval(() => {
  for (const e of document.querySelectorAll(".left")) {
    const text = left(Number(e.dataset.until));
    if (e.textContent !== text) e.textContent = text;
  }
}, 1000);

const rotations = [["rotate", "All certificates", "Every workload has a new certificate; no connection was dropped."], ["rotate-db", "Database logins", "Every service has a new login."],
  ["rotate-token-key", "Token key", "Access tokens are signed by a new key; the old one is known until its tokens end."], ["rotate-transit", "Transit keys", "New data is encrypted by new keys."],
  ["rotate-ca", "The mesh's CA", "The mesh has a new root; both are trusted until every certificate is new."]];
$("#rotate").append(...rotations.map(([verb, label, well]) => button(label, "rotate", async () => {
  if (said(await order(verb), well)) await show();
})), button("Refresh", "the list", show));

try {
  await show();
} catch (e) {
  problem($("#list"), e);
}
