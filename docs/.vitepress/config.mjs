import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'

const docs = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const REPOSITORY = 'https://github.com/lookalike-js/lookalike/blob/main'

/** Links that leave the documentation lead to the repository. */
function linksToRepository(markdown) {
  const standard =
    markdown.renderer.rules.link_open ?? ((tokens, i, options, _env, self) => self.renderToken(tokens, i, options))
  markdown.renderer.rules.link_open = (tokens, i, options, env, self) => {
    const href = tokens[i].attrGet('href') ?? ''
    const target = path.resolve(docs, path.dirname(env.relativePath ?? ''), href.split('#')[0])
    if (/^\.\.?\//.test(href) && path.relative(docs, target).startsWith('..'))
      tokens[i].attrSet(
        'href',
        `${REPOSITORY}/${path.relative(path.dirname(docs), target)}${href.includes('#') ? `#${href.split('#')[1]}` : ''}`,
      )
    return standard(tokens, i, options, env, self)
  }
}

const page = (text, link) => ({ text, link: `/${link}` })

export default defineConfig({
  title: 'Lookalike',
  description: 'Image similarity for Node',
  cleanUrls: true,
  rewrites: { 'README.md': 'index.md', ':folder/README.md': ':folder/index.md' },
  ignoreDeadLinks: [/\/packages\//, /\/examples\//, /\/bench\//, /CONTRIBUTING/, /^\.\.?\/.*README/],
  markdown: { config: linksToRepository },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      page('Start', 'start'),
      page('Config', 'reference/config'),
      ...(existsSync(path.join(docs, 'api')) ? [page('API', 'api/')] : []),
    ],
    sidebar: [
      {
        text: 'Lookalike',
        items: [
          page('Start', 'start'),
          page('Concepts', 'concepts'),
          page('Training', 'training'),
          page('Galleries in databases', 'guides/databases'),
          page('Serve a gallery', 'serve'),
          page('FAQ', 'faq'),
          page('Troubleshooting', 'troubleshooting'),
        ],
      },
      {
        text: 'Methods',
        items: [
          page('Proxy Anchor with Soft Orthogonality', 'guides/proxy-anchor-soft-orthogonality'),
          page('STIR', 'guides/stir'),
          page('Context ensembles', 'guides/context-ensemble'),
          page('Asymmetric search', 'guides/asymmetric'),
        ],
      },
      {
        text: 'Plugins',
        items: [page('Writing a plugin', 'writing-plugins'), page('The first one, measured', 'first-plugin')],
      },
      {
        text: 'Reference',
        items: [
          page('Config', 'reference/config'),
          page('Command line', 'reference/cli'),
          page('Errors', 'reference/errors'),
          page('Files of datasets', 'file-formats-datasets'),
          page('Files of galleries', 'file-formats-gallery'),
        ],
      },
      {
        text: 'Inside',
        items: [page('Architecture', 'architecture'), page('Decisions', 'decisions/'), page('Releasing', 'releasing')],
      },
    ],
  },
})
