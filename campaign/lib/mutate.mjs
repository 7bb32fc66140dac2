const NUMBERS = [0, 1, 0xff, 0xffff, 2 ** 31, 2 ** 31 - 1, 2 ** 32 - 1]

/** Bits flipped, cut, the beginning overwritten, bytes put in, a length replaced, a part repeated. */
export function mutateBytes(original, random) {
  const bytes = Buffer.from(original)
  const at = random.integer(bytes.length)
  const noise = (length) => Buffer.from(Uint8Array.from({ length }, () => random.integer(256)))
  switch (random.integer(6)) {
    case 0:
      for (let i = 0; i <= random.integer(4); i++) bytes[random.integer(bytes.length)] ^= 1 << random.integer(8)
      return bytes
    case 1:
      return bytes.subarray(0, at)
    case 2:
      bytes.set(noise(2), random.integer(Math.max(1, Math.min(62, bytes.length - 2))))
      return bytes
    case 3:
      return Buffer.concat([bytes.subarray(0, at), noise(random.integer(40)), bytes.subarray(at)])
    case 4: {
      const value = NUMBERS[random.integer(NUMBERS.length)]
      if (bytes.length >= 4)
        bytes[random.next() < 0.5 ? 'writeUInt32BE' : 'writeUInt32LE'](value, Math.min(at, bytes.length - 4))
      return bytes
    }
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 200), bytes.subarray(at)])
  }
}

const ODD = [
  null,
  true,
  false,
  0,
  1,
  -1,
  0.5,
  -0.0,
  1e30,
  1e-30,
  2 ** 53,
  '',
  'a',
  '../..',
  '\u0000',
  '/etc/passwd',
  [],
  {},
  [[]],
  [null],
  'x'.repeat(1e5),
]

/** One value somewhere in data replaced, left out, wrapped, or given to a key of another name. */
export function mutateData(original, random) {
  const data = structuredClone(original)
  const places = []
  const walk = (node) => {
    if (typeof node !== 'object' || node === null) return
    for (const key of Object.keys(node)) {
      places.push([node, key])
      walk(node[key])
    }
  }
  walk(data)
  for (let i = 0; i <= random.integer(2); i++) {
    const [node, key] = places[random.integer(places.length)]
    const choice = random.integer(5)
    if (choice === 0) delete node[key]
    else if (choice === 1) node[key] = [node[key]]
    else if (choice === 2) node[`${key}s`] = node[key]
    else if (choice === 3) node[key] = places[random.integer(places.length)][0] === node ? null : 7
    else node[key] = structuredClone(ODD[random.integer(ODD.length)])
  }
  return data
}
