export function packageOf(file: string): string
export function readImports(): Promise<{ imports: { from: string; to: string }[]; circles: string[][] }>
