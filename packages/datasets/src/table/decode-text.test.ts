import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeText } from './decode-text.js'

const utf8 = (text: string) => new TextEncoder().encode(text)
const utf16le = (text: string) => new Uint8Array(Buffer.from(text, 'utf16le'))
const utf16be = (text: string) => new Uint8Array(Buffer.from(text, 'utf16le').swap16())
const latin1 = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
const read = (bytes: Uint8Array, encoding?: string) => decodeText(bytes, 'a.csv', encoding)

describe('decodeText', () => {
  it.each([
    ['UTF-8', utf8('fiancé,日本,🙂\n'), 'utf-8'],
    ['UTF-8 with a mark', utf8('\ufefffiancé,日本,🙂\n'), 'utf-8'],
    ['UTF-16 with a mark', utf16le('\ufefffiancé,日本,🙂\n'), 'utf-16le'],
    ['big-endian UTF-16 with a mark', utf16be('\ufefffiancé,日本,🙂\n'), 'utf-16be'],
    ['UTF-16 without a mark', utf16le('fiancé,日本,🙂\n'), 'utf-16le'],
    ['big-endian UTF-16 without a mark', utf16be('fiancé,日本,🙂\n'), 'utf-16be'],
  ])('reads %s', (_, bytes, encoding) => {
    expect(read(bytes)).toEqual({ text: 'fiancé,日本,🙂\n', encoding, guessed: false })
  })

  it('takes what is no UTF-8 for Windows-1252, and says that it guessed', () => {
    expect(read(latin1('fianc\xe9,fianc\xe8,\x80\x93\x9f'))).toEqual({
      text: 'fiancé,fiancè,€“Ÿ',
      encoding: 'windows-1252',
      guessed: true,
    })
  })

  it('keeps all texts of one encoding as they are', () => {
    const letters = fc.string({ unit: 'grapheme' })
    fc.assert(
      fc.property(letters, (text) => {
        expect(read(utf8(`${text.replaceAll('\0', '')}é`)).text).toBe(
          `${text.replaceAll('\0', '')}é`.replace(/^\ufeff/, ''),
        )
      }),
    )
  })

  it('reads what it is told, by any name of the standard', () => {
    expect(read(Uint8Array.of(0x83, 0x65, 0x83, 0x58), 'shift_jis').text).toBe('テス')
    expect(read(latin1('\xe9'), 'latin1')).toEqual({ text: 'é', encoding: 'latin1', guessed: false })
    expect(() => read(latin1('a'), 'klingon')).toThrow(expect.objectContaining({ code: 'dataset/encoding' }))
    expect(() => read(latin1('a\nb\xe9'), 'utf-8')).toThrow(/a\.csv:2:2: the byte 0xe9 is no UTF-8/)
  })

  it('names the place where encodings mix', () => {
    const mixed = Buffer.concat([utf8('é,a\n'), latin1('ab\xe9,b\n')])
    expect(() => read(mixed)).toThrow(/a\.csv:2:3: the byte 0xe9 is no UTF-8, though other letters of the file are/)
  })

  it.each([
    ['a workbook', latin1('PK\x03\x04....'), 'dataset/not-text', /xlsx/],
    ['a Parquet file', latin1('PAR1....'), 'dataset/not-text', /dataset parquet/],
    ['gzip', latin1('\x1f\x8b\x08.'), 'dataset/not-text', /gzip/],
    ['zero bytes', latin1('a,b\n\0\0\0\0c'), 'dataset/not-text', /zero bytes/],
    ['UTF-32', Uint8Array.of(0xff, 0xfe, 0, 0, 0x61, 0, 0, 0), 'dataset/encoding', /UTF-32/],
    ['another code page', latin1('a\xe9\x81'), 'dataset/encoding', /a\.csv:1:3: the byte 0x81 is neither/],
  ])('refuses %s by name', (_, bytes, code, message) => {
    expect(() => read(bytes)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    )
  })
})
