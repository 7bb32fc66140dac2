/** Pixels that this process decodes at the same time; a larger image is decoded alone. */
export const PIXELS_AT_ONCE = 100_000_000

let used = 0
const waiting: { readonly weight: number; start(): void }[] = []

/**
 * Waits until `pixels` more may be decoded, in the order of asking.
 *
 * @returns gives them back
 */
export async function takePixels(pixels: number, signal?: AbortSignal): Promise<() => void> {
  const weight = Math.min(pixels, PIXELS_AT_ONCE)
  if (waiting.length > 0 || used + weight > PIXELS_AT_ONCE) await turn(weight, signal)
  else used += weight
  let taken = true
  return () => {
    if (taken) used -= weight
    taken = false
    startWaiting()
  }
}

function startWaiting(): void {
  while (waiting.length > 0 && used + waiting[0]!.weight <= PIXELS_AT_ONCE) {
    const next = waiting.shift()!
    used += next.weight
    next.start()
  }
}

function turn(weight: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      waiting.splice(waiting.indexOf(entry), 1)
      reject(signal!.reason)
      startWaiting()
    }
    const entry = {
      weight,
      start() {
        signal?.removeEventListener('abort', leave)
        resolve()
      },
    }
    waiting.push(entry)
    signal?.addEventListener('abort', leave, { once: true })
  })
}
