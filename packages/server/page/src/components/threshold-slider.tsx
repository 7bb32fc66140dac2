import { number } from '../names.js'
import { threshold } from '../state/query.js'
import { results } from '../state/results.js'

const BARS = 40

/** How far results may be, over a drawing of how far they are. */
export function ThresholdSlider() {
  const { distances } = results.value
  const [nearest, farthest] = [distances[0], distances.at(-1)]
  if (nearest === undefined || farthest === undefined) return null
  const least = Math.floor(nearest * 100) / 100
  const most = Math.max(Math.ceil(farthest * 100) / 100, least + 0.01)
  const chosen = threshold.value ?? most
  const within = distances.filter((distance) => distance <= chosen).length
  const counts = Array.from({ length: BARS }, () => 0)
  for (const distance of distances)
    counts[Math.min(BARS - 1, Math.floor(((distance - least) / (most - least)) * BARS))]!++
  const highest = Math.max(...counts)
  return (
    <div class="threshold">
      <label class="slider">
        <span>
          Distance at most <strong>{threshold.value === undefined ? 'any' : chosen.toFixed(2)}</strong>
        </span>
        <svg class="histogram" viewBox={`0 0 ${BARS} 20`} preserveAspectRatio="none" aria-hidden="true">
          {counts.map((count, i) => {
            const height = count === 0 ? 0 : Math.max(0.8, (count / highest) * 20)
            const inside = least + (i / BARS) * (most - least) <= chosen
            return <rect key={i} class={inside ? 'in' : ''} x={i + 0.1} y={20 - height} width={0.8} height={height} />
          })}
        </svg>
        <input
          type="range"
          min={least}
          max={most}
          step={0.01}
          value={chosen}
          aria-valuetext={`${chosen.toFixed(2)}: ${within} would match`}
          onInput={({ currentTarget }) => {
            const value = Number(currentTarget.value)
            threshold.value = value >= most ? undefined : value
          }}
        />
      </label>
      <p class="hint" data-test="would-match">
        {within === distances.length && distances.length === 1000
          ? '1,000 or more would match'
          : `${number(within)} of the nearest ${number(distances.length)} would match`}
      </p>
    </div>
  )
}
