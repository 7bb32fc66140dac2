const RAW = Symbol('raw')

/** Markup that is safe to put into a page as it is. */
export interface Html {
  readonly [RAW]: string
  toString(): string
}

/** A template for markup; everything put in that is not markup itself is escaped. */
export function html(strings: TemplateStringsArray, ...values: readonly unknown[]): Html {
  return raw(strings.reduce((text, part, i) => text + part + (i < values.length ? toMarkup(values[i]) : ''), ''))
}

export function raw(text: string): Html {
  return { [RAW]: text, toString: () => text }
}

/** Long names and paths may break where their parts end, instead of anywhere. */
export const breakable = (text: string): Html[] =>
  text.split(/(?<=[/_\\])/).map((part, i) => html`${i > 0 && raw('<wbr>')}${part}`)

function toMarkup(value: unknown): string {
  if (value === undefined || value === null || value === false) return ''
  if (Array.isArray(value)) return value.map(toMarkup).join('')
  if (typeof value === 'object' && RAW in value) return (value as Html)[RAW]
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
