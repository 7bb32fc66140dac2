export const PROVIDERS = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const

export type Provider = (typeof PROVIDERS)[number]
