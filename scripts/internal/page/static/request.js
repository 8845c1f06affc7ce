import { $, busy, duration, el, fill, order, said, table } from "./page.js";

const us = (n) => duration(n / 1e6);

const sample = $("#sample");
const method = () => sample.value.split(" ")[0];

function choose() {
  $("#path").value = sample.value.split(" ")[1];
  $("#body").value = sample.selectedOptions[0].dataset.body;
  $("#body-line").hidden = method() === "GET";
}
sample.addEventListener("change", choose);
choose();

// bar shows when a hop ran: begin and end of the wait, and of the hop within it, as shares of the client's time.
function bar(client, begin, hop) {
  const part = (kind, from, to) => {
    const e = el("span", { class: kind });
    e.style.left = `${100 * from / client}%`;
    e.style.width = `max(2px, ${100 * Math.max(0, to - from) / client}%)`;
    return e;
  };
  return el("span", { class: "bar", "aria-hidden": "true" }, part("way", begin, begin + hop.round_trip_us),
    part("own", begin + hop.transit_us / 2, begin + hop.round_trip_us - hop.transit_us / 2));
}

function ledger(hop) {
  const all = hop.controls.map((p) => [p.id, p.us, p.count]).sort((a, b) => b[1] - a[1]), small = all.filter((p) => p[1] < 1);
  const parts = [["transit: sockets, sidecars, TLS", hop.transit_us, 1], ...all.filter((p) => p[1] >= 1),
    ...(small.length ? [[`${small.length} below a microsecond: ${small.map((p) => p[0]).join(", ")}`, small.reduce((n, p) => n + p[1], 0), 1]] : []),
    ["residual: what nothing explains", hop.residual_us, 1]];
  const most = Math.max(...parts.map((p) => p[1]), 1);
  return el("table", { class: "ledger" }, el("caption", {}, `The ledger of ${hop.name}: ${us(hop.self_us)} of its own, ${us(hop.total_us)} in all`),
    el("tbody", {}, ...parts.map(([name, time, count]) => {
      const share = el("span", { class: "own" });
      share.style.width = `${100 * Math.max(0, time) / most}%`;
      return el("tr", {}, el("th", { scope: "row" }, name + (count > 1 ? ` ×${count}` : "")), el("td", { class: "n" }, us(time)),
        el("td", { class: "share", "aria-hidden": "true" }, el("span", { class: "bar" }, share)));
    })));
}

function rows(client, hop, begin, depth) {
  const name = el("span", { class: "name" }, hop.name, " ", el("code", {}, hop.silent ? "(says nothing)" : hop.uri));
  name.style.paddingInlineStart = `${depth * 14}px`;
  const row = el("details", { class: "hop" }, el("summary", {}, name, el("span", { class: "n" }, us(hop.silent ? hop.round_trip_us : hop.total_us)), bar(client, begin, hop)), ledger(hop));
  return [row, ...hop.upstream_calls.flatMap((c) => rows(client, c, begin + hop.transit_us / 2 + c.at_us, depth + 1))];
}

// values are an answer's, one a line: where it is, and what.
function values(answer, at = "") {
  if (answer === null || typeof answer !== "object") return [[at, String(answer)]];
  return Object.entries(answer).flatMap(([name, value]) => values(value, at ? `${at}.${name}` : name));
}

const mostValues = 60;

function showAnswer(answer) {
  const all = answer === undefined ? [] : values(answer);
  fill($("#answer"), table("Answer", [["Field", ([at]) => at], ["Value", ([, value]) => el("code", {}, value), "break"]], all.slice(0, mostValues), "It has none that is JSON."),
    all.length > mostValues && el("p", { class: "quiet" }, `and ${all.length - mostValues} more`));
}

function show(t) {
  $("#result").hidden = false;
  $("#summary").textContent = `${t.method} ${t.path}: ${t.status}, ${us(t.client_us)} for the client; ${us(t.residual_us)} (${(100 * t.residual_us / t.client_us).toFixed(1)} %) of it unexplained`;
  $("#waterfall").replaceChildren(...rows(t.client_us, t.hop, 0, 0));
  $("#absent").textContent = t.absent.map((a) => `Not in it: ${a.name}, which ${a.caller} calls (${a.uri}) after the answer, or not for every request.`).join(" ");
  showAnswer(t.answer);
}

$("#send").addEventListener("submit", (e) => {
  e.preventDefault();
  busy($("#send button"), async () => {
    const a = await order("trace", { method: method(), path: $("#path").value, body: method() === "GET" ? "" : $("#body").value });
    if (said(a)) show(a.result);
  });
});
