"""Which names of persons are found in Chinese text, and which words that only look like one are left alone."""

from __future__ import annotations

import pytest

from quality.pii.names_zh import find_names_zh
from quality.pii.spans import settle


def names(text: str) -> list[str]:
    return [text[span.start : span.end] for span in settle(find_names_zh(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("您好，我叫陈晓燕，今年32岁。", ["陈晓燕"]),
        ("患者赵丽颖，女，45岁。主治医生刘德胜建议住院。", ["赵丽颖", "刘德胜"]),
        ("新华社记者李明、王伟报道", ["李明", "王伟"]),
        ("我和张伟、刘洋、王芳一起去爬山。", ["张伟", "刘洋", "王芳"]),
        ("联系人：欧阳娜娜 电话：138", ["欧阳娜娜"]),
        ("李经理明天出差，张秘书订票。", ["李", "张"]),
        ("林先生，您的快递到了。", ["林"]),
        (
            "小张在楼下等小李，老王和老刘在下棋。阿强打电话给阿美。",
            ["小张", "小李", "老王", "老刘", "阿强", "阿美"],
        ),
        ("老师说：“周杰，你来回答。”周杰站了起来。", ["周杰", "周杰"]),
        ("（文/周晓明 图/郑伟）", ["周晓明", "郑伟"]),
        ("姓名：李思远\n性别：男", ["李思远"]),
        ("高血压患者张三", ["张三"]),
        ("作者：小林智美，出版", ["小林智美"]),
        ("约翰·多伊的发票，托马斯·杰斐逊的信", ["约翰·多伊", "托马斯·杰斐逊"]),
        ("我与富翁詹姆斯·帕克交往", ["詹姆斯·帕克"]),
        ("汤姆和杰瑞是好朋友，玛丽喜欢约翰。", ["汤姆", "杰瑞", "玛丽", "约翰"]),
        ("有一个名叫托伦的男孩。托伦是厨师。", ["托伦", "托伦"]),
        ("没问题，我叫Jay，是学生。", ["Jay"]),
        ("Alanzi工程师来了，Alanzi很高兴。", ["Alanzi", "Alanzi"]),
        ("参会人员：刘军、陈静、杨帆、赵敏、黄磊、吴迪。", ["刘军", "陈静", "杨帆", "赵敏", "黄磊", "吴迪"]),
    ],
)
def test_names_are_found(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "高血压患者应该多吃水果，少吃盐。任何人都不应该马上停药。",
        "黄金价格上涨，于是王国的经济开始好转，安全问题常见。",
        "方法很简单：先张开双手，再何时放下。余额不足请充值。",
        "白细胞计数正常，金黄色葡萄球菌感染。",
        "温度从高到低，时间从早到晚，石油价格，钱包，金属，马路，江水，河流，白天，黄色，花朵，叶子",
        "周一到周五，周末休息。江南水乡。曾经，曾任。任务，任意。方向，方便。",
        "陈皮、白芷、黄芪、石斛、杜仲、何首乌、田七",
        "可以口服卡托普利和美托洛尔，雷贝拉唑，阿司匹林治疗。",
        "帕金森病、高斯定理、马克思主义、雷诺现象、高尔基体",
        "水立方位于北京。张家界在湖南省。加利福尼亚州洛杉矶县。",
        "请及时向医生报告，让老师知道。",
        "我读过《哈利·波特与魔法石》。",
        "小白兔和小王国，老师和老板，阿姨",
        "def main(): return 0",
        "加入胡椒粉、生姜、香葱，翻炒均匀。",
    ],
)
def test_words_that_look_like_names_are_left_alone(text: str) -> None:
    assert names(text) == []
