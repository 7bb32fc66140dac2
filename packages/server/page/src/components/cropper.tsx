import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import type { Box } from '../api.js'

interface CropperProps {
  readonly box: Box | undefined
  onChange(box: Box | undefined): void
  readonly children: ComponentChildren
}

/** The smallest part that may be drawn, as a share of the picture. */
const LEAST = 0.02
const SIDES = ['x', 'y', 'width', 'height'] as const
const NAMES = { x: 'Left', y: 'Top', width: 'Width', height: 'Height' } as const
const WHOLE: Box = { x: 0, y: 0, width: 1, height: 1 }

const within = (value: number) => Math.max(0, Math.min(1, value))

/** A picture to draw a part on, with a pointer or with four sliders. */
export function Cropper({ box, onChange, children }: CropperProps) {
  const frame = useRef<HTMLDivElement>(null)
  const start = useRef<{ x: number; y: number } | undefined>(undefined)
  const pointOf = ({ clientX, clientY }: PointerEvent) => {
    const { left, top, width, height } = frame.current!.getBoundingClientRect()
    return { x: within((clientX - left) / width), y: within((clientY - top) / height) }
  }
  const draw = (event: PointerEvent) => {
    if (!start.current) return
    const [from, to] = [start.current, pointOf(event)]
    const [width, height] = [Math.abs(from.x - to.x), Math.abs(from.y - to.y)]
    if (width >= LEAST && height >= LEAST)
      onChange({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width, height })
  }
  const shown = box ?? WHOLE
  const slide = (side: (typeof SIDES)[number], value: number) => {
    const next = { ...shown, [side]: value }
    onChange({ ...next, width: Math.min(next.width, 1 - next.x), height: Math.min(next.height, 1 - next.y) })
  }
  const share = (value: number) => `${value * 100}%`
  return (
    <div class="cropper">
      <div
        class="crop-frame"
        ref={frame}
        onPointerDown={(event) => {
          start.current = pointOf(event)
          frame.current!.setPointerCapture(event.pointerId)
        }}
        onPointerMove={draw}
        onPointerUp={() => {
          start.current = undefined
        }}
      >
        {children}
        {box && (
          <div
            class="crop-box"
            style={{ left: share(box.x), top: share(box.y), width: share(box.width), height: share(box.height) }}
          />
        )}
      </div>
      <details class="crop-sliders">
        <summary>Set the part by numbers</summary>
        <div class="slider-grid">
          {SIDES.map((side) => (
            <label key={side}>
              {NAMES[side]}
              <input
                type="range"
                min={side === 'width' || side === 'height' ? LEAST : 0}
                max={side === 'width' || side === 'height' ? 1 : 1 - LEAST}
                step={0.01}
                value={shown[side]}
                onInput={({ currentTarget }) => slide(side, Number(currentTarget.value))}
              />
            </label>
          ))}
        </div>
      </details>
    </div>
  )
}
