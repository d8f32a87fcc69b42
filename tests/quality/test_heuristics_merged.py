"""Second records inside a record, and the labels that prompts and dialogues rightly have."""

from __future__ import annotations

import pytest

from quality.heuristics import merged

MERGED = [
    (
        "Name two fruits.",
        "",
        "Apple, pear.\n##\n7. Instruction: Name two birds.\n7. Input:\n<noinput>\n7. Output:\nWren, owl.",
    ),
    ("Say hello in French.", "", "Bonjour.\n\nInput: goodbye\nOutput: Au revoir"),
    ("What is the capital of Chad?", "", "N'Djamena.\nHuman: And of Mali?\nAssistant: Bamako."),
    ("What is the capital of Chad?", "", "N'Djamena.\n\nQuestion: And of Mali?\nAnswer: Bamako."),
    ("Explain tides.", "", "The moon pulls the sea.\n### Human:\nExplain wind."),
    ("Explain tides.", "", "The moon pulls the sea.<|im_end|>\n<|im_start|>user\nExplain wind."),
    ("Name two fruits.\nOutput: apple, pear\nInstruction: Name two birds.", "", "Wren, owl."),
    ("Question: What is two plus two?\nAnswer: 4", "", "4"),
    ("1. Bake a loaf of bread.\n2. Translate hello into Dutch.", "", "Hallo is the Dutch word for hello."),
    ("说出两种水果。", "", "苹果、梨。\n指令：说出两种鸟。\n输出：麻雀、燕子。"),
    ("法语的你好怎么说？", "", "Bonjour。\n\n输入：再见\n输出：Au revoir"),
    ("乍得的首都是哪里？", "", "恩贾梅纳。\n用户：马里呢？\n助手：巴马科。"),
    ("乍得的首都是哪里？", "", "恩贾梅纳。\n问：马里的首都呢？\n答：巴马科。"),
    ("说出两种水果。\n输出：苹果、梨\n指令：说出两种鸟。", "", "麻雀、燕子。"),
    ("问：二加二等于几？答：四。", "", "四"),
    ("解释潮汐。", "", "月亮吸引海水。\n### 用户：\n解释风。"),
    ("1. Question: Where is Chad? Answer: In Africa.\n2. Question: Where is Peru?", "", "In America."),
    ("Q1: Is ice cold? A1: Yes.\nQ2: Is fire cold? A2: No.\nQ3: Is snow cold?", "", "Yes."),
    ("1. 问题：冰冷吗？\n答案：冷。\n\n2. 问题：火冷吗？\n答案：不冷。\n\n3. 问题：雪冷吗？", "", "冷。"),
    ("（1）问：冰冷吗？答：冷。（2）问：火冷吗？", "", "不冷。"),
    ("1. Praise the sea in one line.\n2. Compute 12 * 12.", "", "144"),
]

KEPT = [
    ("Write a conversation between a cook and a guest.", "", "Hi.\nHuman: A table?\nAssistant: This way."),
    ("Make a quiz on rivers.", "", "Here it is.\nQuestion: Longest river?\nAnswer: The Nile."),
    (
        "Give an example of an instruction with input and output.",
        "",
        "Sure.\nInstruction: Add.\nInput: 1, 2\nOutput: 3",
    ),
    ("Translate.\nInput: dog\nOutput: chien\nInput: cat\nOutput:", "", "chat"),
    ("Is the answer right? Question: two plus two? Answer: 5", "", "No, it is 4."),
    ("Answer the question.", "Q: Is ice cold?\nA: yes\nQ: Is fire cold?\nA:", "no"),
    ("Human: hello\nAssistant: hi\nHuman: how tall is Everest?", "", "8,849 metres."),
    ("1. Read the poem.\n2. List its rhymes.\n3. Then rate them.", "", "Sea and tea; good."),
    ("1. Name a river.\n2. Name a mountain.", "", "1. Nile\n2. Everest"),
    ("Write a recipe for bread.", "", "Ingredients: flour\nInstructions: Bake it.\nOutput: one loaf"),
    ("Write a function that adds.", "", "def add(): ...\nInput: 1 2\nOutput: 3"),
    ("Classify the text. Output: 0 = fact; 1 = opinion", "I like tea.", "1"),
    ("写一段厨师和客人的对话。", "", "开始。\n用户：有位子吗？\n助手：这边请。"),
    ("出一道关于河流的测验题。", "", "好的。\n问：最长的河？\n答：尼罗河。"),
    ("给出一个带输入和输出的示例。", "", "好的。\n指令：相加。\n输入：1、2\n输出：3"),
    ("翻译。\n输入：狗\n输出：dog\n输入：猫\n输出：", "", "cat"),
    ("判断答案是否正确。问题：二加二？答案：5", "", "不正确，是4。"),
    ("1. 阅读这首诗。\n2. 列出其中的韵脚。", "", "海、来。"),
    ("1. 说出一条河。\n2. 说出一座山。", "", "1. 长江\n2. 泰山"),
    (
        "Answer in one word, as in these examples.\n1. Question: Is ice cold? Answer: Yes.\n2. Question: Is fire?",
        "",
        "No.",
    ),
    ("用一个字回答。\n1. 问题：冰冷吗？答案：冷。\n2. 问题：火冷吗？", "", "热。"),
    ("一盒20支笔，5盒几支？", "", "20×5=100\n答案：100支"),
    ("根据文章回答问题：他去了哪里？文章内容：他去了海边。", "", "海边。"),
]


@pytest.mark.parametrize(("instruction", "given", "response"), MERGED)
def test_a_second_record_is_found(instruction: str, given: str, response: str) -> None:
    assert merged(instruction, given, response)


@pytest.mark.parametrize(("instruction", "given", "response"), KEPT)
def test_dialogues_examples_and_multi_step_tasks_are_kept(
    instruction: str, given: str, response: str
) -> None:
    assert merged(instruction, given, response) == ""


def test_the_rule_says_where_the_second_record_stands() -> None:
    assert merged(*MERGED[0]) == "response.second_task"
    assert merged(*MERGED[6]) == "instruction.second_task"
    assert merged(*MERGED[8]) == "instruction.numbered"
