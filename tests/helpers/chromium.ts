import { existsSync } from 'node:fs'
import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core'

const EXECUTABLE = '/usr/bin/chromium'
export const hasChromium = existsSync(EXECUTABLE)
/** Milliseconds that a browser may take for anything: a limit ends what hangs, and is no measure of speed. */
const PATIENCE = 300_000

export async function launchChromium(args: readonly string[] = ['--disable-gpu']): Promise<Browser> {
  const { chromium } = await import('playwright-core')
  return chromium.launch({
    executablePath: EXECUTABLE,
    timeout: PATIENCE,
    args: [
      '--no-sandbox',
      // It asks nobody for anything by itself.
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
    ],
  })
}

/** A window of its own, which waits as long as a busy machine needs. */
export async function openContext(browser: Browser, options?: BrowserContextOptions): Promise<BrowserContext> {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(PATIENCE)
  return context
}
