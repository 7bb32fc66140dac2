export interface MapPlace {
  /** Of the middle of the canvas, in the map's own units. */
  readonly x: number
  readonly y: number
  /** Pixels a unit. */
  readonly scale: number
}

interface Drawing {
  readonly points: readonly number[]
  /** Index of a colour for each point. */
  readonly colours: Uint8Array
  readonly palette: readonly string[]
  readonly chosen: Uint8Array
  readonly place: MapPlace
  readonly lasso: readonly (readonly [number, number])[]
  readonly ink: string
}

/** Draws points colour by colour: as few changes of state as there are colours. */
export function drawMap(
  canvas: HTMLCanvasElement,
  { points, colours, palette, chosen, place, lasso, ink }: Drawing,
): void {
  const ratio = devicePixelRatio || 1
  const { clientWidth: width, clientHeight: height } = canvas
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
  }
  const context = canvas.getContext('2d')!
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  const count = points.length / 2
  const some = chosen.includes(1)
  const size = Math.max(2, Math.min(12, (place.scale / 260) * (count > 5000 ? 2.5 : 5.5)))
  for (let pass = 0; pass < 2; pass++) {
    for (const [colour, style] of palette.entries()) {
      context.fillStyle = style
      context.globalAlpha = pass === 1 ? 1 : some ? 0.18 : 0.8
      context.beginPath()
      for (let i = 0; i < count; i++) {
        if (colours[i] !== colour || chosen[i] !== pass) continue
        const x = (points[2 * i]! - place.x) * place.scale + width / 2
        const y = (points[2 * i + 1]! - place.y) * place.scale + height / 2
        if (x < -size || y < -size || x > width + size || y > height + size) continue
        if (count > 20_000) context.rect(x - size / 2, y - size / 2, size, size)
        else {
          context.moveTo(x + size / 2, y)
          context.arc(x, y, size / 2, 0, 2 * Math.PI)
        }
      }
      context.fill()
    }
  }
  context.globalAlpha = 1
  if (lasso.length < 2) return
  context.strokeStyle = ink
  context.lineWidth = 1.5
  context.setLineDash([5, 4])
  context.beginPath()
  for (const [x, y] of lasso) context.lineTo(x, y)
  context.closePath()
  context.stroke()
  context.setLineDash([])
}

/** Whether a point lies inside a polygon (even-odd). */
export function isInside(polygon: readonly (readonly [number, number])[], x: number, y: number): boolean {
  let inside = false
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[ax, ay], [bx, by]] = [polygon[i]!, polygon[j]!]
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside
  }
  return inside
}
