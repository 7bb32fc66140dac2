import type { Preprocessing } from '@lookalike/core'
import { configError } from './config-error.js'
import { type ProcessorConfig, type Size, sizeOf } from './processor-config.js'
import type { Defaults } from './processor-defaults.js'

type Geometry = Pick<Preprocessing, 'resize' | 'crop'>

/** How images get the size of the model's input. @throws `preprocessing/config` */
export function geometryOf(config: ProcessorConfig, kind: string, defaults: Defaults, name: string): Geometry {
  if (config.do_resize === false) {
    throw configError(name, 'do_resize is false, so images would keep their own sizes and could not share a batch')
  }
  const square = config.default_to_square ?? !defaults.shortest
  const size = sizeOf(config.size ?? defaults.size, square, 'size', name)
  const share = config.crop_pct
  if (kind === 'ConvNext') return convNext(shortEdge(size, name), share ?? 224 / 256)
  const cropped = config.do_center_crop ?? defaults.centerCrop
  const crop = cropped ? edges(config.crop_size ?? defaults.cropSize, name) : undefined
  if (kind === 'PoolFormer') return shortThenCrop(Math.trunc(shortEdge(size, name) / (share ?? 0.9)), crop, name)
  if (share !== undefined && share !== 1) {
    throw configError(name, `crop_pct is ${share}, which the processor of ${kind} is not known to follow`)
  }
  if ('short' in size) {
    // LeViT enlarges the short edge by the ratio of the sizes that it was trained with.
    return shortThenCrop(/^levit$/i.test(kind) ? Math.trunc((256 / 224) * size.short) : size.short, crop, name)
  }
  if (!crop || (crop.width === size.width && crop.height === size.height))
    return { resize: { mode: 'squash' }, crop: size }
  return { resize: { mode: 'squash', ...size }, crop }
}

function shortThenCrop(short: number, crop: Geometry['crop'] | undefined, name: string): Geometry {
  if (crop) return { resize: { mode: 'shortest-edge', size: short }, crop }
  throw configError(
    name,
    'the short edge is resized but nothing is cropped, so images of other shapes could not share a batch',
  )
}

/** Below 384 pixels the short edge becomes `size / crop_pct` and the centre is cut out; larger inputs are squashed. */
function convNext(edge: number, cropShare: number): Geometry {
  const crop = { width: edge, height: edge }
  if (edge >= 384) return { resize: { mode: 'squash' }, crop }
  return { resize: { mode: 'shortest-edge', size: Math.trunc(edge / cropShare) }, crop }
}

function shortEdge(size: Size, name: string): number {
  if ('short' in size) return size.short
  if (size.height === size.width) return size.height
  throw configError(name, `size is ${size.height} x ${size.width}, and the processor wants a short edge`)
}

function edges(value: unknown, name: string): Geometry['crop'] {
  const size = sizeOf(value, true, 'crop_size', name)
  if ('height' in size) return size
  return { width: size.short, height: size.short }
}
