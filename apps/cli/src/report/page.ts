import { type Html, html } from './html.js'
import { styles } from './styles.js'

/** A whole page that needs nothing besides itself. */
export function page(title: string, body: Html): string {
  return `<!doctype html>\n${html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${styles}</style>
</head>
<body><main>${body}</main></body>
</html>
`}`
}
