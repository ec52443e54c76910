import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { en } from './en'
import { fill } from './fill'
import { zh } from './zh'

const SRC = join(import.meta.dirname, '..')
const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort()

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    const counts = /\.(vue|ts)$/.test(entry.name) && !/\.test\.ts$|^(zh|en)\.ts$/.test(entry.name)
    return counts ? [readFileSync(path, 'utf8')] : []
  })
}

describe('the dictionaries', () => {
  const keys = Object.keys(zh) as (keyof typeof zh)[]

  it('have the same keys', () => {
    expect(Object.keys(en).sort()).toEqual([...keys].sort())
  })

  it.each(keys)('%s asks for the same values in both languages and is not empty', (key) => {
    expect(places(en[key])).toEqual(places(zh[key]))
    expect(zh[key].trim() && en[key].trim()).not.toBe('')
  })

  it('hold nothing that is not used', () => {
    const all = sources(SRC).join('\n')
    expect(keys.filter((key) => !all.includes(`'${key}'`))).toEqual([])
  })

  it('are used for everything that is written in a template', () => {
    const written = sources(SRC).filter((source) => source.startsWith('<script') && /[\u4e00-\u9fff]/.test(source))
    expect(written).toEqual([])
  })
})

it('fills places in and leaves one without a value to be seen', () => {
  expect(fill('{a} 与 {b}', { a: 1 })).toBe('1 与 {b}')
})
