// Draws which package imports which, as SVG.
import { instance } from '@viz-js/viz'
import { packageOf } from './read-imports.mjs'

const COLOURS = { method: '#dbe9ff', base: '#e6f4e1', app: '#fff1d6' }
const METHODS = new Set(['losses', 'ensemble', 'asymmetric', 'rerank', 'encoders', 'train'])

/** @param {{ from: string, to: string }[]} imports as `readImports` gives them */
export async function drawArchitecture(imports) {
  const arrows = new Set(
    imports
      .map(({ from, to }) => [packageOf(from), packageOf(to)])
      .filter(([from, to]) => from !== to)
      .map((arrow) => arrow.join(' ')),
  )
  const names = [...new Set([...arrows].flatMap((arrow) => arrow.split(' ')))].sort()
  const colour = (name) => (name === 'cli' ? COLOURS.app : METHODS.has(name) ? COLOURS.method : COLOURS.base)
  // What an arrow says that a longer way says too is left out.
  const reach = (from, seen = new Set()) => {
    for (const to of names) if (arrows.has(`${from} ${to}`) && !seen.has(to)) reach(to, seen.add(to))
    return seen
  }
  const needed = [...arrows].sort().filter((arrow) => {
    const [from, to] = arrow.split(' ')
    return !names.some((by) => by !== to && arrows.has(`${from} ${by}`) && reach(by).has(to))
  })
  const graph = `digraph {
    graph [rankdir=TB nodesep=0.35 ranksep=0.55 bgcolor="transparent" pad=0.2]
    node [shape=box style="rounded,filled" fontname="Helvetica,Arial,sans-serif" fontsize=13 color="#8a94a6" height=0.4]
    edge [color="#8a94a6" arrowsize=0.7]
    ${names.map((name) => `"${name}" [fillcolor="${colour(name)}"]`).join('\n')}
    ${needed.map((arrow) => arrow.replace(/(\S+) (\S+)/, '"$1" -> "$2"')).join('\n')}
  }`
  const viz = await instance()
  return viz.renderString(graph, { format: 'svg' }).replace(/<!--[^]*?-->\n?/g, '')
}
