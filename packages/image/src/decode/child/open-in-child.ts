import type { DecodedBytes, ImageHeader, OpenedImage } from '../sharp-job.js'
import { giveDecoderBack, takeDecoder } from './decoder-pool.js'
import type { DecoderAnswer, DecoderRequest } from './decoder-process.js'

/** An image opened in a process that can be killed. */
export interface ChildImage extends OpenedImage {
  /** By the package `heic-decode`: RGBA. */
  heic(): Promise<DecodedBytes>
  /** Milliseconds of processor time that the running call has taken. */
  spent(): number
  /** Ends whatever the decoder is doing. */
  kill(): void
}

/** @throws the codes of `takeDecoder`; later calls those of `DecoderProcess.ask` */
export async function openInChild(
  content: Uint8Array,
  maxMemory: number,
  signal: AbortSignal | undefined,
): Promise<ChildImage> {
  const decoder = await takeDecoder(signal)
  let unsent: Uint8Array | undefined = content
  let open = true
  const ask = (request: DecoderRequest): Promise<DecoderAnswer> => {
    const bytes = unsent
    unsent = undefined
    return decoder.ask(request, maxMemory, bytes)
  }
  const image = ({ result, bytes }: DecoderAnswer) => ({ ...result, data: bytes }) as unknown as DecodedBytes
  return {
    async header(input) {
      return (await ask({ operation: 'header', input })).result as unknown as ImageHeader
    },
    pixels: async (input, steps) => image(await ask({ operation: 'pixels', input, steps })),
    heic: async () => image(await ask({ operation: 'heic' })),
    spent: () => decoder.spent,
    kill: () => decoder.kill(),
    close() {
      if (open) giveDecoderBack(decoder)
      open = false
    },
  }
}
