// Lateral movement: topology.yaml lets modelstore call nothing of gateway's. It uses its own good certificate.
import { honest, reach } from '../lib/lateral.js';

export function benign(lab) { honest(lab); }
export function attack(lab) { reach(lab, 'gateway'); }
