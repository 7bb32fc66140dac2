/** The commands of a shell block as lists of words, without comments, variables set for one command, and what joins commands. */
export function commandsOf(code: string): string[][] {
  return code
    .replace(/\\\n/g, ' ')
    .split('\n')
    .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/&&|;|\|/))
    .map((command) => (command.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^["']|["']$/g, '')))
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_][A-Z_0-9]*=/.test(word))))
    .filter((words) => words.length > 0)
}
