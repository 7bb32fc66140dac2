import { describe, expect, it } from 'vitest'
import { svgCost } from './svg-cost.js'

const svg = (body: string, root = 'width="512" height="512"') => `<?xml version="1.0"?><svg ${root}>${body}</svg>`

describe('svgCost', () => {
  it('counts elements, not what is in comments, character data, quotes and document types', () => {
    const text = svg('<!-- <g/> --><g title="<b>"><![CDATA[ <g/> ]]><path/></g>')
    expect(svgCost(`<!DOCTYPE svg [<!ENTITY a "<g/>">]>${text}`).elements).toBe(3)
  })

  it('counts what is used once for each use, however deep', () => {
    const chain = Array.from(
      { length: 6 },
      (_, i) => `<g id="u${i + 1}">${`<use xlink:href='#u${i}'/>`.repeat(10)}</g>`,
    ).join('')
    expect(svgCost(svg(`<g id="u0"><path/></g>${chain}`)).drawn).toBeGreaterThan(1e6)
    expect(svgCost(svg(`<g id="a"><path/></g><use href="#a"/>`)).drawn).toBe(6)
    expect(svgCost(svg('<pattern id="p"><path/></pattern><rect fill="url(#p)"/>')).drawn).toBe(6)
  })

  it('ends with drawings that use themselves, deep ones and those with many references', () => {
    expect(svgCost(svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>')).drawn).toBeLessThan(20)
    const deep = Array.from({ length: 5000 }, (_, i) => `<g id="u${i + 1}"><use href="#u${i}"/></g>`).join('')
    expect(svgCost(svg(deep)).drawn).toBeGreaterThan(1e6)
    const open = Array.from({ length: 20_000 }, (_, i) => `<g id="g${i}"><use href="#g${i + 1}"/>`).join('')
    expect(svgCost(svg(open)).drawn).toBe(Infinity)
  })

  it('weighs filters by what they do, in pixels of the drawing', () => {
    const filter = (inside: string, root?: string) =>
      svgCost(svg(`<filter id="f">${inside}</filter>`, root)).filterPasses
    expect(filter('<feMorphology radius="2"/>')).toBe(25)
    expect(filter('<feMorphology radius="2"/>', 'viewBox="0 0 256 128"')).toBe(81)
    expect(filter('<feMorphology radius="1 2"/>')).toBe(15)
    expect(filter('<feTurbulence numOctaves="7"/>')).toBe(70)
    expect(filter('<feConvolveMatrix order="3 5"/>')).toBe(15)
    const twice = svg('<filter id="f"><feOffset/></filter><g filter="url(#f)"/><g style="filter: url(\'#f\')"/>')
    expect(svgCost(twice).filterPasses).toBe(6)
  })
})
