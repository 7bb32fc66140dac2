import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The variables that Hugging Face's own tools read, so that what is set up for them works here. */
type Environment = Readonly<Record<string, string | undefined>>

/** Folder of the hub's tools: `HF_HOME`, else `$XDG_CACHE_HOME/huggingface`, else `~/.cache/huggingface`. */
function homeOf(env: Environment): string {
  return env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface')
}

/** Where the hub's tools keep downloads: `HF_HUB_CACHE`, else `hub` in their folder. */
export function hubCacheFolder(env: Environment = process.env): string {
  return env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || join(homeOf(env), 'hub')
}

/** The user's token: `HF_TOKEN`, else the file that logging in wrote. Undefined where there is none. */
export async function hubToken(env: Environment = process.env): Promise<string | undefined> {
  const given = env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN']
  const token = given || (await readFile(env['HF_TOKEN_PATH'] || join(homeOf(env), 'token'), 'utf8').catch(() => ''))
  return token.trim() || undefined
}

/** Whether the user has switched the network off for the hub. */
export function isOffline(env: Environment = process.env): boolean {
  return ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'].some((name) => /^(1|on|yes|true)$/i.test(env[name] ?? ''))
}
