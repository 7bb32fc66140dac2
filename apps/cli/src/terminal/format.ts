/** Seconds for people: `42 s`, `3 min 20 s`, `2 h 05 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`
}

/** A share in [0, 1] as per cent with one decimal: `63.4`. */
export function formatPercent(share: number): string {
  return Number.isFinite(share) ? (share * 100).toFixed(1) : '-'
}

/** A figure of a training: those of a search are shares, and shown in percent. */
export function formatFigure(name: string, value: number): string {
  return name.includes('@') ? `${formatPercent(value)} %` : String(Number(value.toPrecision(5)))
}

/** `recall@1` as people write it: `R@1`. */
export function metricLabel(name: string): string {
  const [base, at] = name.split('@')
  const labels: Record<string, string> = {
    recall: 'R',
    precision: 'P',
    map: 'MAP',
    mrr: 'MRR',
    'r-precision': 'R-precision',
    'triplet-accuracy': 'Triplet accuracy',
  }
  return `${labels[base!] ?? base}${at === undefined ? '' : `@${at === 'r' ? 'R' : at}`}`
}

/** A distance with so many decimals; rounding leaves no minus before a zero. */
export function formatDistance(distance: number, decimals: number): string {
  return distance.toFixed(decimals).replace(/^-(?=0\.0+$)/, '')
}
