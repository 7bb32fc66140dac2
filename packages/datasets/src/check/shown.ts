/** How many names an error or warning spells out. */
const SHOWN = 10

/** The first names of a list, and how many more there are. */
export function shown(names: readonly string[]): string {
  const more = names.length - SHOWN
  return names.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
