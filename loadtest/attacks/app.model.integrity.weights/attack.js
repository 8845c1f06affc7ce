// FIPS 180-4: a blob is known by its digest. Somebody turns its weights upside down, and waits until inference reads them.
import crypto from 'k6/crypto';
import { honest, outcome, turned, manifestFile, blobFile } from '../lib/model.js';

const digest = (lab) => JSON.parse(lab.mesh.read(manifestFile(lab)).text).digest;

export function benign(lab) { honest(lab); }

export function attack(lab) {
  const file = blobFile(lab, digest(lab));
  const { error } = lab.mesh.write(file, turned(lab.mesh.read(file).bytes));
  lab.judge(!error, error, { marks: [digest(lab)] });
}

export function check(lab) { outcome(lab); }

export function revert(lab) {
  const file = blobFile(lab, digest(lab));
  const { bytes } = lab.mesh.read(file);
  if (`sha256:${crypto.sha256(bytes, 'hex')}` !== digest(lab)) lab.mesh.write(file, turned(bytes));
}
