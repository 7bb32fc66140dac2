import { defineConfig } from 'vite'

export default defineConfig({
  // Wherever the folder lies on the host.
  base: './',
  build: { target: 'es2022' },
  server: {
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
})
