// The OpenTelemetry protocol's request for logs, opentelemetry-proto v1.11.0, as bytes: one record in a service's name.

// field is one of protobuf's, of wire type 2: its length, and what is in it.
function field(number, content) {
  const bytes = typeof content === 'string' ? Array.from(content, (c) => c.charCodeAt(0)) : content;
  return [number << 3 | 2, ...varint(bytes.length), ...bytes];
}

function varint(n) { return n < 128 ? [n] : [n % 128 + 128, ...varint(Math.floor(n / 128))]; }

// fixed64 is a whole number of eight bytes, the lowest first.
function fixed64(number, n) {
  const out = [number << 3 | 1];
  for (let i = 0; i < 8; i++, n = Math.floor(n / 256)) out.push(n % 256);
  return out;
}

// attribute is a KeyValue.
function attribute(name, value) { return [...field(1, name), ...field(2, field(1, value))]; }

export function batch(service, attributes) {
  const record = fixed64(1, Date.now() * 1e6);
  for (const [name, value] of Object.entries(attributes)) record.push(...field(6, attribute(name, value)));
  const resource = field(1, attribute('service.name', service));
  return new Uint8Array(field(1, [...field(1, resource), ...field(2, field(2, record))])).buffer;
}
