// All codes of errors and warnings in the sources, with where they are made and the text that explains them.
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))))
const CODE = /^[a-z][a-z0-9]*(-[a-z0-9]+)*\/[a-z0-9]+(-[a-z0-9]+)*$/

/** The text of an expression; `...` for what is put in at run time. */
function textOf(node) {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map(({ literal }) => `...${literal.text}`).join('')
  if (ts.isConditionalExpression(node))
    return textOf(node.whenTrue.getText() === 'undefined' ? node.whenFalse : node.whenTrue)
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken)
    return textOf(node.left) + textOf(node.right)
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken)
    return textOf(node.right)
  return '...'
}

const property = (object, ...names) =>
  object.properties.find((each) => ts.isPropertyAssignment(each) && names.includes(each.name.getText()))?.initializer

/**
 * @returns {Promise<{ code: string, package: string, kind: 'error' | 'warning', text: string, fix: string }[]>} sorted by code
 */
export async function errorCodes() {
  const found = new Map()
  for (const group of ['packages', 'apps']) {
    for (const name of await readdir(path.join(root, group))) {
      const folder = path.join(root, group, name, 'src')
      const files = await readdir(folder, { recursive: true }).catch(() => [])
      for (const file of files.filter((each) => each.endsWith('.ts') && !/\.test\.ts$|(^|\/)test/.test(each)).sort()) {
        const source = ts.createSourceFile(
          file,
          await readFile(path.join(folder, file), 'utf8'),
          ts.ScriptTarget.Latest,
          true,
        )
        collect(source, group === 'apps' ? `apps/${name}` : name)
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : 0))

  function collect(node, from) {
    if (ts.isNewExpression(node) && node.expression.getText() === 'LookalikeError') {
      const [code, text] = node.arguments ?? []
      const problem = text && ts.isObjectLiteralExpression(text) ? property(text, 'problem') : undefined
      const fix = text && ts.isObjectLiteralExpression(text) ? property(text, 'fix') : undefined
      for (const each of literals(code)) note(each, 'error', problem && textOf(problem), from, fix && textOf(fix))
    } else if (ts.isObjectLiteralExpression(node)) {
      const [code, message] = [property(node, 'code'), property(node, 'message')]
      if (code && message) for (const each of literals(code)) note(each, 'warning', textOf(message), from)
    } else if (
      ts.isStringLiteral(node) &&
      CODE.test(node.text) &&
      ts.isCallExpression(node.parent) &&
      /Error|fail|refuse|unreadable|invalid|problem/i.test(node.parent.expression.getText())
    ) {
      note(node.text, 'error', undefined, from)
    }
    ts.forEachChild(node, (child) => collect(child, from))
  }

  function literals(node) {
    if (!node) return []
    if (ts.isStringLiteralLike(node)) return CODE.test(node.text) ? [node.text] : []
    return ts.isConditionalExpression(node) ? [...literals(node.whenTrue), ...literals(node.whenFalse)] : []
  }

  function note(code, kind, text, from, fix = '') {
    const known = found.get(code)
    const readable = text && text.replaceAll('...', '').trim().length > 3 ? text : undefined
    if (!known) {
      found.set(code, { code, package: from, kind, text: readable ?? '', fix })
      return
    }
    if (known.text === '' && readable) known.text = readable
    if (known.fix === '') known.fix = fix
  }
}
