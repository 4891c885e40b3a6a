// CRC-64-AVRO, which Avro's single-object encoding names schemas by and avsc does not have.
const EMPTY = 0xc15d213aa4d7a795n

const TABLE = Array.from({ length: 256 }, (_, index) => {
  let entry = BigInt(index)
  for (let bit = 0; bit < 8; bit++) entry = (entry >> 1n) ^ (entry & 1n ? EMPTY : 0n)
  return entry
})

/** The 8 bytes, little endian, of the fingerprint of a type's Parsing Canonical Form. */
export function fingerprint (type) {
  let sum = EMPTY
  for (const byte of Buffer.from(JSON.stringify(type.schema()))) {
    sum = (sum >> 8n) ^ TABLE[Number((sum ^ BigInt(byte)) & 0xffn)]
  }
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(sum)
  return bytes
}
