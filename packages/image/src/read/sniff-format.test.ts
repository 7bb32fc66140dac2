import { describe, expect, it } from 'vitest'
import { guessContent, sniffFormat } from './sniff-format.js'

const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>'

describe('sniffFormat', () => {
  it.each([
    svg,
    `\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<!-- a > b --><!-- c -->\n${svg}`,
    `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">${svg}`,
    `<!DOCTYPE svg [ <!ENTITY a "b"> ]>${svg}`,
    '<svg:svg xmlns:svg="http://www.w3.org/2000/svg"></svg:svg>',
  ])('knows a drawing by its root: %s', (text) => expect(sniffFormat(Buffer.from(text))).toBe('svg'))

  it.each([
    '<!DOCTYPE html><html><svg></svg></html>',
    '<html><svg/></html>',
    '<svgx>',
    'svg',
    '<!-- <svg> ',
    '',
    '\xff\xd8',
  ])('takes nothing else for a drawing: %s', (text) => expect(sniffFormat(Buffer.from(text))).toBeUndefined())

  it('is quick on text made to be slow', () => {
    // With a pattern that goes back it takes longer than the test may.
    expect(sniffFormat(Buffer.from('<!-- --> '.repeat(500)))).toBeUndefined()
  })

  it('reads UTF-16', () => expect(sniffFormat(Buffer.from(`\ufeff${svg}`, 'utf16le'))).toBe('svg'))

  it('tells AVIF from HEIC and video by all of the brands', () => {
    const box = (...brands: string[]) => {
      const text = `....ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`
      const bytes = Buffer.from(text)
      bytes.writeUInt32BE(bytes.length, 0)
      return bytes
    }
    expect(sniffFormat(box('mif1', 'miaf', 'avif'))).toBe('avif')
    expect(sniffFormat(box('heic', 'mif1'))).toBe('heic')
    expect(guessContent(box('isom', 'mp42'))).toBe('a video')
  })
})
