// DSSE: whoever can write the published file, but hasn't the publisher's key, lets everybody read everything.
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';

const path = (lab) => `${lab.run_dir}/policy/bundle.json`;
let published; // as it was

function store(lab) {
  const res = lab.http({ method: 'POST', path: '/v1/documents', token: lab.tokens.bob, body: { title: 'Private', text: 'The board agreed on Monday to sell the company.' } });
  if (res.status !== 201) throw new Error(`store a document: ${res.status} ${res.body}`);
  return res.json().id;
}

function read(lab, user, id) {
  const res = lab.http({ path: `/v1/documents/${id}`, token: lab.tokens[user] });
  return res.status === 200 && res.json().text.includes('sell the company');
}

export function benign(lab) { lab.judge(read(lab, 'bob', store(lab)), 'bob reads what is his'); }

export function attack(lab) {
  const id = store(lab);
  published = lab.mesh.read(path(lab)).text;
  const sealed = JSON.parse(published);
  const bundle = JSON.parse(encoding.b64decode(sealed.payload, 'std', 's'));
  bundle.revision += 1000000000;
  // Everybody but who has no name: rules that let in nobody in particular are refused whoever signed them.
  bundle.files['ingestion.rego'] = 'package redoubt.ingestion\n\nallow := "open" if input.caller != ""\n';
  sealed.payload = encoding.b64encode(JSON.stringify(bundle), 'std');
  const mine = JSON.stringify(sealed);
  lab.mesh.write(path(lab), mine);
  let gained = false;
  for (let n = 0; n < 12 && !gained; n++) {
    lab.mesh.sleep(250);
    gained = read(lab, 'alice', id);
  }
  lab.judge(gained, gained ? 'alice reads what is bob\'s' : 'the rules in force stayed', { marks: [`sha256:${crypto.sha256(mine, 'hex')}`] });
}

export function revert(lab) { if (published) lab.mesh.write(path(lab), published); }
