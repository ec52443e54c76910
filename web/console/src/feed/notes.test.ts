import { expect, it } from 'vitest'
import { readNote, type Note } from './notes'

const nothing: Note = { to: null, until: null, told: null, said: null }

it.each<[string, string, string | null, Partial<Note>]>([
  ['note', '张三', null, {}],
  ['note', '张三', '→ 王五: 不是派人', { said: '→ 王五: 不是派人' }],
  ['dispatch', '张三', '→ 王五', { to: '王五' }],
  ['dispatch', '张三', '→ 王 五: 快去: 三号门', { to: '王 五', said: '快去: 三号门' }],
  ['assign', '张三', '→ 张三: 联系不上', { to: '张三', said: '联系不上' }],
  ['shelve', '李四', '2026-11-24T08:30:00Z · 施工', { until: '2026-11-24T08:30:00Z', said: '施工' }],
  ['shelve', '李四', '施工', { said: '施工' }],
  ['release', 'system', '张三 认领后超时没有进展,自动放回', { told: { key: 'noteLapsed', values: { owner: '张三' } } }],
  ['escalate', 'system', '等待30秒无人认领', { told: { key: 'noteWaited', values: { seconds: '30' } } }],
  ['escalate', 'system', '10秒内没有任何值班屏显示', { told: { key: 'noteUnshown', values: { seconds: '10' } } }],
  ['unshelve', 'system', '搁置到期', { told: { key: 'noteShelvingOver', values: {} } }],
  ['escalate', '张三', '搁置到期', { said: '搁置到期' }],
  ['note', 'system', '别的话', { said: '别的话' }],
])('%s by %s saying %s', (verb, actor, note, expected) => {
  expect(readNote(verb, actor, note)).toEqual({ ...nothing, ...expected })
})
