/**
 * What the timeline says beside a step, taken apart: whom it went to, until when, what was said. The system writes its own
 * notes in Chinese; those that we know are told in the reader's language. Pure.
 */
import type { Key } from '../i18n/zh'

export interface Note {
  /** Whom it was given or sent to. */
  to: string | null
  /** Until when it is shelved, RFC 3339. */
  until: string | null
  /** What the system says, as a key with its values. */
  told: { key: Key; values: Record<string, string> } | null
  /** What a person said, or the system in words that we don't know. */
  said: string | null
}

const KNOWN: [RegExp, Key, string[]][] = [
  [/^(.+) 认领后超时没有进展,自动放回$/, 'noteLapsed', ['owner']],
  [/^等待([\d.]+)秒无人认领$/, 'noteWaited', ['seconds']],
  [/^([\d.]+)秒内没有任何值班屏显示$/, 'noteUnshown', ['seconds']],
  [/^搁置到期$/, 'noteShelvingOver', []],
]

export function readNote(verb: string, actor: string, note: string | null): Note {
  const parts: Note = { to: null, until: null, told: null, said: note }
  if (note === null) return parts
  if (actor === 'system') {
    for (const [pattern, key, names] of KNOWN) {
      const found = pattern.exec(note)
      if (found === null) continue
      const values = Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? '']))
      return { ...parts, told: { key, values }, said: null }
    }
    return parts
  }
  if (verb === 'shelve') {
    const found = /^(\d{4}-\d\d-\d\dT[\d:]+Z) · ([^]*)$/.exec(note)
    if (found !== null) return { ...parts, until: found[1] ?? null, said: found[2] ?? null }
  }
  if (verb === 'assign' || verb === 'dispatch') {
    // a log-in name holds no blank; other names may, so the colon ends it
    const found = /^→ ([^:]+?)(?:: ([^]*))?$/.exec(note)
    if (found !== null) return { ...parts, to: found[1] ?? null, said: found[2] ?? null }
  }
  return parts
}
