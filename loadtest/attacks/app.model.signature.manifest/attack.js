// RFC 8032: digest and bytes agree, so modelstore serves them; but the job that publishes models has signed something else.
import crypto from 'k6/crypto';
import { data, honest, outcome, turned, manifestFile, blobFile } from '../lib/model.js';

const saved = (lab) => `${data(lab)}/app.model.signature.saved`;

export function benign(lab) { honest(lab); }

export function attack(lab) {
  const text = lab.mesh.read(manifestFile(lab)).text;
  const manifest = JSON.parse(text);
  const weights = turned(lab.mesh.read(blobFile(lab, manifest.digest)).bytes);
  const digest = `sha256:${crypto.sha256(weights, 'hex')}`;
  const kept = lab.mesh.write(saved(lab), text);
  if (kept.error) throw new Error(`keep what is to be put back: ${kept.error}`);
  lab.mesh.write(blobFile(lab, digest), weights);
  const { error } = lab.mesh.write(manifestFile(lab), JSON.stringify(Object.assign(manifest, { digest })));
  lab.judge(!error, error, { marks: [digest] });
}

export function check(lab) { outcome(lab); }

export function revert(lab) {
  const { text } = lab.mesh.read(saved(lab));
  if (text) lab.mesh.write(manifestFile(lab), text);
}
