/** The language of this console: Chinese unless somebody switched it, remembered in this browser. */
import { ref, watchEffect } from 'vue'
import { en } from './en'
import { fill } from './fill'
import { zh, type Key } from './zh'

export type Language = 'zh' | 'en'
export type { Key }

const REMEMBERED = 'skynet.language'

function remembered(): Language {
  try {
    return localStorage.getItem(REMEMBERED) === 'en' ? 'en' : 'zh'
  } catch {
    return 'zh' // a browser that keeps nothing
  }
}

export const language = ref<Language>(remembered())

export function switchLanguage(): void {
  language.value = language.value === 'zh' ? 'en' : 'zh'
  try {
    localStorage.setItem(REMEMBERED, language.value)
  } catch {
    // not remembered then
  }
}

/** The words for a key in the language of the moment; reactive when used in a template. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return fill((language.value === 'zh' ? zh : en)[key], values)
}

watchEffect(() => {
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
  document.title = t('brand')
})
