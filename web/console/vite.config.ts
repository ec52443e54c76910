/// <reference types="vitest/config" />
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

/** Where the web server of a running system listens; the dev server passes the API and the live feed on to it. */
const WEB = 'http://127.0.0.1:8420'

/** Our own Origin towards the server: it accepts changes from no other. */
const toServer = { target: WEB, changeOrigin: true, headers: { origin: WEB }, ws: true }

export default defineConfig({
  plugins: [vue()],
  base: '/',
  build: {
    outDir: '../static',
    emptyOutDir: true,
    // the syntax the oldest browser of a duty office reads; no polyfills
    target: ['chrome79', 'firefox78'],
    assetsInlineLimit: 0, // a data: URL would need a hole in the content security policy
    modulePreload: { polyfill: false },
  },
  server: { host: '127.0.0.1', proxy: { '/api': toServer, '/login': toServer } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
