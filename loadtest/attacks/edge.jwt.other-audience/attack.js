// RFC 9068, section 4, and RFC 8725, section 3.9: a token for somebody else's API, used at this one.
import { bobs, own, asBob, unsigned } from '../lib/forge.js';

export function benign(lab) { own(lab); }

export function attack(lab) { asBob(lab, [unsigned(lab, bobs(lab, { aud: 'another-api' }))]); }
