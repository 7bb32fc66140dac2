import { RESAMPLE_WASM } from './resample-wasm.js'

/** Byte positions and sizes in the kernels' memory; see `wasm/resample.ts`. */
interface ResamplingKernels {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): void }
  resizeColumns(
    source: number,
    sourceStride: number,
    rows: number,
    starts: number,
    weights: number,
    taps: number,
    width: number,
    target: number,
    targetStride: number,
  ): void
  resizeRows(
    source: number,
    stride: number,
    starts: number,
    weights: number,
    taps: number,
    height: number,
    target: number,
  ): void
}

/** The part of the global that is needed here; Node's types leave it to those of the browser. */
interface Runtime {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: object }
}

let kernels: ResamplingKernels | undefined

/** Compiled on the first use: two kilobytes, at once. */
export function resamplingKernels(): ResamplingKernels {
  if (kernels) return kernels
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: Runtime }).WebAssembly
  const bytes = Uint8Array.from(atob(RESAMPLE_WASM), (letter) => letter.charCodeAt(0))
  kernels = new Instance(new Module(bytes)).exports as ResamplingKernels
  return kernels
}

const PAGE = 65_536

/** The kernels' memory as bytes, grown to hold `size` of them. */
export function kernelMemory({ memory }: ResamplingKernels, size: number): Uint8Array {
  const missing = size - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE))
  return new Uint8Array(memory.buffer)
}
