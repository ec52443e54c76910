"""The words and the style of the page in the street, in both languages. Pure."""

from collections.abc import Mapping
from typing import Literal

from store.records import Outcome, Priority

WORDS: Mapping[Literal["zh", "en"], Mapping[str, str]] = {
    "zh": {
        "title": "派单",
        "drill": "演练 · 并非真实警情",
        "cancelled": "居民已取消报警,仍请到场核实",
        "place": "地点",
        "no_address": "没有登记地址",
        "map": "打开地图",
        "since": "发生时间",
        "count": "报警次数",
        "grid": "网格",
        "cameras": "可见探头",
        "owner": "值班员",
        "do": "处置",
        "coming": "在路上",
        "arrived": "已到场",
        "done": "已处置",
        "outcome": "结果",
        "note": "说明(可不填)",
        "send": "提交处置结果",
        "choose": "请先选择结果,再提交。",
        "notes": "记录",
        "system": "系统",
        "as": "此链接仅供 {person} 使用,请勿转发。",
        "by": "处理人:{name}",
        "call": "如有疑问,请联系:<b>{names}</b>",
        "call_anybody": "如有疑问,请联系值班室。",
        "dead_unknown": "此链接无效,可能没有复制完整。",
        "dead_expired": "此链接已过期。",
        "dead_stranger": "您已不在本站点值勤,此链接已停用。",
        "dead_resolved": "本警情已经处置完毕,无需前往。",
        "dead_released": "本次派单已撤回,请勿前往。",
        "dead_other": "本警情已改派他人,无需前往。",
        "dead_renewed": "本警情已重新派单,请打开最新的链接。",
        "dead_own": "已处置,结果已记录。辛苦了!",
        "busy": "打开无效链接的次数过多,请一分钟后再试。",
        "again": "没有记录成功,请再按一次。",
    },
    "en": {
        "title": "Dispatch",
        "drill": "演练 · DRILL, not a real alarm",
        "cancelled": "The resident took the alarm back; please look all the same",
        "place": "Place",
        "no_address": "no address is known",
        "map": "Open map",
        "since": "Since",
        "count": "Alarms",
        "grid": "Grid",
        "cameras": "Cameras that see it",
        "owner": "Duty officer",
        "do": "What you do",
        "coming": "On my way",
        "arrived": "I am there",
        "done": "Done",
        "outcome": "What was it?",
        "note": "Note (if you like)",
        "send": "Send the result",
        "choose": "Choose what it was, then send.",
        "notes": "Notes",
        "system": "system",
        "as": "This link is for {person} alone: do not pass it on.",
        "by": "By {name}",
        "call": "Questions? Call <b>{names}</b>",
        "call_anybody": "Questions? Call the duty desk.",
        "dead_unknown": "This link is not valid; perhaps it was not copied as a whole.",
        "dead_expired": "This link has expired.",
        "dead_stranger": "You no longer work for this site; the link is switched off.",
        "dead_resolved": "This incident is settled: you need not go.",
        "dead_released": "This dispatch was withdrawn: do not go.",
        "dead_other": "Somebody else was sent: you need not go.",
        "dead_renewed": "You were sent anew: open the newest link.",
        "dead_own": "Done, and noted. Thank you!",
        "busy": "Too many links that are not valid: try again in a minute.",
        "again": "It was not noted: press again.",
    },
}

OUTCOMES: Mapping[Literal["zh", "en"], Mapping[Outcome, str]] = {
    "zh": {"real": "真实", "false": "误报", "test": "测试", "drill": "演练"},
    "en": {"real": "Real", "false": "False alarm", "test": "Test", "drill": "Drill"},
}

PRIORITIES: Mapping[Literal["zh", "en"], Mapping[Priority, str]] = {
    "zh": {"critical": "紧急", "high": "高", "medium": "中", "low": "低"},
    "en": {"critical": "Critical", "high": "High", "medium": "Medium", "low": "Low"},
}

ENGLISH_KINDS: Mapping[str, str] = {
    "press": "Alarm button",
    "intrusion": "Intrusion",
    "loitering": "Loitering",
    "crowd": "Crowd",
    "fall": "Fall",
    "fire": "Fire",
    "smoke": "Smoke",
    "water": "Water",
    "noise": "Noise",
    "tamper": "Tampering",
    "video-loss": "Video loss",
    "offline": "Offline",
    "fault": "Fault",
    "unusual": "Unusual",
}

STYLE = """* { box-sizing: border-box; }
body { margin: 0; background: #0d1116; color: #eef2f6; font: 18px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; }
header { display: flex; justify-content: space-between; align-items: center; max-width: 34rem; margin: 0 auto;
  padding: .5rem 1rem; color: #aeb9c4; font-size: 1rem; }
header a { padding: .6rem 0 .6rem 1rem; }
main { max-width: 34rem; margin: 0 auto; padding: 0 1rem 3rem; }
section, dl, .what { margin: 0 0 .8rem; }
h1 { margin: 0; font-size: 2rem; line-height: 1.25; font-weight: 700; }
h2 { margin: 0 0 .3rem; color: #aeb9c4; font-size: 1rem; font-weight: 400; }
p { margin: 0; }
small { color: #aeb9c4; font-size: 1rem; font-weight: 400; }
.map small { white-space: nowrap; }
a { color: #8fc7ff; }
.small { color: #aeb9c4; font-size: 1rem; }
.what { padding: .7rem 1rem; border-left: .6rem solid #8a97a5; border-radius: .4rem; background: #1a222b; }
.what.critical { border-color: #ff5a52; }
.what.high { border-color: #ff9f40; }
.what.medium { border-color: #ffd84d; }
.priority { font-size: 1rem; color: #cbd5de; }
.what.critical .priority { color: #ff8a84; font-weight: 700; }
.title { font-size: 1.1rem; }
.drill { margin-bottom: .8rem; padding: .7rem 1rem; border-radius: .4rem; background: #ffd84d; color: #14181d;
  font-size: 1.25rem; font-weight: 700; text-align: center; }
.warn { margin-bottom: .8rem; padding: .6rem 1rem; border: 2px solid #ffd84d; border-radius: .4rem; color: #ffe68a; }
.address { font-size: 1.6rem; line-height: 1.3; font-weight: 700; overflow-wrap: anywhere; }
.map { display: flex; justify-content: space-between; align-items: center; gap: 1rem; min-height: 3.2rem; margin-top: .5rem;
  padding: .3rem 1rem; border: 2px solid #5aa9f5; border-radius: .5rem; text-decoration: none; font-size: 1.15rem; }
dl { padding: .2rem 1rem; border-radius: .4rem; background: #1a222b; }
dl div { display: flex; justify-content: space-between; gap: 1rem; padding: .3rem 0; }
dt { color: #aeb9c4; }
dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
.do form { margin: 0 0 .7rem; }
button, summary { display: block; width: 100%; min-height: 4rem; padding: .6rem 1rem; border: 0; border-radius: .6rem;
  background: #eef2f6; color: #0d1116; font: inherit; font-size: 1.5rem; font-weight: 700; text-align: center;
  cursor: pointer; }
summary { display: flex; align-items: center; justify-content: center; background: #23834a; color: #fff; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::after { content: "▾"; margin-left: .6rem; }
details[open] summary::after { content: "▴"; }
details form { margin: 1rem 0 1.4rem; }
button:focus-visible, summary:focus-visible, a:focus-visible, textarea:focus-visible, fieldset label:focus-within {
  outline: 4px solid #5aa9f5; outline-offset: 2px; }
.taken { margin-bottom: .7rem; padding: .8rem 1rem; border: 2px solid #2f9e5b; border-radius: .6rem; color: #8fe0b0;
  font-size: 1.3rem; font-weight: 700; }
fieldset { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; margin: 0 0 .7rem; padding: 0; border: 0; }
legend { padding: 0 0 .3rem; color: #aeb9c4; }
fieldset label { display: flex; align-items: center; gap: .7rem; min-height: 3.4rem; padding: .4rem 1rem;
  border: 2px solid #55636f; border-radius: .6rem; font-size: 1.25rem; }
fieldset label:has(input:checked) { border-color: #8fe0b0; background: #183425; }
input[type=radio] { width: 1.5rem; height: 1.5rem; margin: 0; flex: none; accent-color: #2f9e5b; }
.note { display: block; margin-bottom: .7rem; }
.note span { color: #aeb9c4; }
textarea { width: 100%; padding: .6rem; border: 2px solid #55636f; border-radius: .6rem; background: #0d1116;
  color: inherit; font: inherit; }
ul { margin: 0; padding: 0; list-style: none; }
li { padding: .4rem 0; border-top: 1px solid #2b3640; overflow-wrap: anywhere; }
li small { display: block; }
.over { padding: 3rem 0; text-align: center; }
.over h1 { font-size: 1.7rem; margin: 1rem 0; }
.mark { width: 5rem; height: 5rem; margin: 0 auto; border-radius: 50%; background: #ffd84d; color: #14181d;
  font-size: 3rem; line-height: 5rem; font-weight: 700; }
.mark.fine { background: #2f9e5b; color: #fff; }
.whom { font-size: 1.25rem; }
"""
