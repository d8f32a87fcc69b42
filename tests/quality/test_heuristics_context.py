"""Tasks about pictures, sounds and pages: missing where pointed at, harmless where made or supplied."""

from __future__ import annotations

import pytest

from quality.heuristics import missing_context

IMAGE = [
    ("Describe the image above in two sentences.", "", "A dog runs."),
    ("Look closely at the picture and say what the boy holds.", "", "A kite."),
    ("Write a caption for the following photo.", "", "Sunny days."),
    ("What is happening in this picture?", "", "People dance."),
    ("Who painted this?", "[Painting attached]", "Monet."),
    ("Name the animal.", "![beast](https://pics.test/a1)", "A fox."),
    ("Identify the flag.", "flag_07.png", "Peru."),
    ("Given a photograph, list the objects that you see.", "", "A chair."),
    ("Summarize the data in the chart in two sentences.", "", "Sales rose."),
    ("Which bar is tallest in the attached bar chart?", "", "May."),
    ("Draw a stick figure.", "", "![stick](https://pics.test/s.png)"),
    ("Tell me the colour of the car in the photo.", "", "I'm sorry, I cannot see the photo."),
    ("Watch the video and write three questions.", "", "1. Why?"),
    ("请描述下图中的场景。", "", "一个男孩在放风筝。"),
    ("根据图片回答：小猫在做什么？", "", "在睡觉。"),
    ("这张照片里有几个人？", "", "三个。"),
    ("如图所示，求阴影部分的面积。", "", "12平方厘米。"),
    ("看图写话。", "", "春天来了。"),
    ("请为以下图片配一个标题。", "", "晨光"),
    ("请分析上面的图表。", "", "销量上升。"),
    ("这是什么植物？", "[图片]", "向日葵。"),
    ("说说照片中的人物在做什么。", "", "我无法看到这张照片。"),
    ("观看这段视频，写出主要内容。", "", "讲述了一次旅行。"),
    ("Attached is a photo of the gate. Is it shut?", "", "Yes."),
    ("What colour is the hat in the picture I posted?", "", "Red."),
    ("Name the fish.", "holiday dive 07.png", "A wrasse."),
    ("Which bird is this? dsc_0104.jpeg", "", "A wren."),
    ("附件里的照片是哪座桥？", "", "断桥。"),
    ("我刚传的截图里是什么报错？", "", "缺少依赖。"),
]

NOT_IMAGE = [
    ("Design an image for a bakery's window and describe it.", "", "A loaf in gold."),
    ("Describe a picture of your dream home.", "", "It stands by a lake."),
    ("Write a caption for a photo of a dog on a beach.", "", "Paws and waves."),
    ("Write a caption for this picture.", "A toddler covered in flour laughs at the camera.", "Chef!"),
    ("Write a caption for this picture: a toddler covered in flour laughs.", "", "Chef!"),
    ("Write a Python function that rotates the given image by 90 degrees.", "", "def f(): ..."),
    ("Translate into French: Look at the picture above.", "", "Regardez l'image ci-dessus."),
    ('Rewrite the sentence "Please look at the image below" politely.', "", "Would you look?"),
    ("How do I compress the images on my phone?", "", "Use an app."),
    ("Explain the big picture of climate policy.", "", "Nations agree targets."),
    ("Compare the following graph algorithms: BFS, DFS and Dijkstra.", "", "BFS is wide."),
    ("Describe the painting The Night Watch by Rembrandt.", "", "A militia company."),
    ("Explain the figure of speech in the sentence: Time is a thief.", "", "A metaphor."),
    ("Identify the largest value in the following chart.", "Mon 3, Tue 9, Wed 4", "Tue"),
    ("Suggest three video games for children.", "", "Chess, Go, Tag."),
    ("写一段话，描述一张全家福照片。", "", "照片上三代同堂。"),
    ("设计一张环保海报的文案。", "", "地球只有一个。"),
    ("请推荐以下图书中适合儿童的一本：《窗边》《海底》", "", "《窗边》。"),
    ("图书馆上图书架的流程是什么？", "", "先编号。"),
    ("请根据下面的图表数据写总结：一月10台，二月20台，三月35台", "", "销量逐月上升。"),
    ("把“请看下图”翻译成英语。", "", "Please look at the picture below."),
    ("如何给照片去除背景？", "", "可以用抠图工具。"),
    ("他的企图中有什么风险？", "", "资金风险。"),
    ("对方试图中断谈判怎么应对？", "", "保持冷静。"),
    ("Rename photo_01.jpg to gate.jpg in the shell.", "", "mv photo_01.jpg gate.jpg"),
    ("Write a caption.", "I took lake.jpg at dawn. The water was still, with one heron.", "Still life."),
    ("The photo I sent him got lost. What now?", "", "Send it again."),
    ("用Python写一段代码，读取这张图片的大小。", "", "import PIL"),
    ("我最近把这些照片分享给朋友，他没有回应，我很难过。", "", "我理解你。"),
]

AUDIO = [
    ("Listen to the clip and name the instrument.", "", "A flute."),
    ("Listen to the following recording, then answer.", "", "Yes."),
    ("Transcribe the attached audio file.", "", "Hello all."),
    ("Classify this song as either calm or lively.", "", "lively"),
    ("Name the bird that you hear.", "[audio of birdsong]", "A wren."),
    ("What does the speaker say in the recording?", "", "There is no recording provided."),
    ("Identify the instrument.", "note_07.wav", "Piano."),
    ("听录音，选择正确的答案。", "", "B"),
    ("请根据这段录音回答问题。", "", "他迟到了。"),
    ("将这段语音转成文字。", "", "大家好。"),
    ("请仔细听下面的音频，写出大意。", "", "天气很好。"),
    ("听力材料见附件音频，这段音频的主题是什么？", "", "旅行。"),
    ("说出乐器的名称。", "（音频片段）", "钢琴。"),
    ("Here is a voicemail from my bank. What do they want?", "", "A call back."),
    ("What does the speaker on the recording regret?", "", "A lie."),
    ("Type it up.", "voice memo 0312.m4a", "Dear Anne."),
    ("请听附件里的录音，说出鸟的名字。", "", "画眉。"),
    ("把这段语音转写成文字。", "会议录音 0312.mp3", "大家好。"),
    ("我发的那首曲子是谁写的？", "", "巴赫。"),
]

NOT_AUDIO = [
    ("Why should people listen to music while working?", "", "It helps focus."),
    ("Write a song about the sea.", "", "Waves roll on."),
    ("Transcribe the following conversation into reported speech.", "A: Hi. B: Hello there.", "A greeted B."),
    ("Explain how audio compression works.", "", "It drops detail."),
    ("Analyze the following song: Verse one, I walk alone tonight under stars", "", "It is lonely."),
    ("Write a Python script that plays the given audio file.", "", "import os"),
    ("为什么听音乐能放松心情？", "", "因为节奏舒缓。"),
    ("写一首关于春天的歌曲。", "", "春风吹。"),
    ("如何提高录音的清晰度？", "", "用防风罩。"),
    ("介绍一下语音识别技术。", "", "它把声音变成文字。"),
    ("Summarise the call.", "Saved as call.mp3. She asked for a refund; he agreed.", "A refund."),
    ("Convert talk.wav to talk.mp3 with ffmpeg.", "", "ffmpeg -i talk.wav talk.mp3"),
    ("把这段录音文字稿整理成纪要。", "王：涨价。赵：不同意，下周再议。", "下周再议涨价。"),
    ("分析这首歌曲的歌词。", "月光照在窗台上，我想起远方的你", "歌词表达思念。"),
    ("推荐三首适合跑步的音乐。", "", "快歌三首。"),
]

PAGE = [
    ("Visit the following URL and summarise it.", "", "It sells tea."),
    ("Summarize this article: https://news.test/2020/tea", "", "Tea is popular."),
    ("What is the main point of the article?", "https://news.test/a/b-c", "Tea is good."),
    ("Critique the following website.", "www.tea.test", "It is slow."),
    ("Read the attached report and list its findings.", "", "Costs rose."),
    ("Summarize what I read today.", "<link to article>", "It is on tea."),
    ("Rate this page.", "https://tea.test", "I'm sorry, I cannot access external links."),
    ("请根据这个网页写一段摘要。", "", "该网页介绍茶。"),
    ("总结下面链接的内容：https://news.test/cha", "", "讲茶文化。"),
    ("打开以下网址，回答问题。", "", "好的。"),
    ("请阅读附件中的合同并列出风险。", "", "违约风险。"),
    ("这篇文章讲了什么？", "https://news.test/wen/1", "讲环保。"),
    ("概括文章大意。", "[文章链接]", "讲环保。"),
    ("According to the web page linked above, what does tea cost?", "", "Two euros."),
    ("What does the page I linked say on tea?", "", "It is good."),
    ("Find the errors.", "final lease 2.docx", "None."),
    ("我贴的链接里说了什么？", "", "茶好喝。"),
    ("请根据刚刚上传的PDF回答：租期多长？", "", "三年。"),
]

NOT_PAGE = [
    ("Create a web page in HTML with one heading.", "", "<h1>Hi</h1>"),
    ("What is a web page?", "", "A document on the web."),
    ("Write a slogan for a website that sells tea.", "", "Sip slowly."),
    ("Extract the domain name from the following URL.", "https://shop.tea.test/x", "tea.test"),
    ("Write a curl command that fetches https://api.tea.test/v1", "", "curl https://api.tea.test/v1"),
    ("Cite this website in APA style.", "https://tea.test/about, Tea Board, 2019", "Tea Board. (2019)."),
    (
        "Summarize this article.",
        "Tea exports rose by a tenth last year, the board said on Monday, after "
        "a long drought ended. See https://news.test/tea for more.",
        "Exports rose.",
    ),
    ("Write an email saying that the attached file is the invoice.", "", "Dear all, attached."),
    ("Fetch the page with the tools given: https://tea.test", "", "request('https://tea.test')"),
    ("Create a notebook that explores the data.", "tea_sales.csv", "Import pandas first."),
    ("Put into German: Please open the link below.", "", "Bitte den Link unten öffnen."),
    ("将这句话译成英文：请打开下面的链接。", "", "Please open the link below."),
    ("附件炎会发烧吗？", "", "急性期会。"),
    ("什么是网页？", "", "网页是文档。"),
    ("用HTML写一个网页。", "", "<p>你好</p>"),
    ("从下面的网址中提取域名：https://shop.cha.test/x", "", "cha.test"),
    ("如何提高访问网站的速度？", "", "使用缓存。"),
    ("给一个卖茶叶的网站起名。", "", "茶语"),
    ("写一封邮件，说明附件是发票。", "", "您好，附件是发票。"),
    (
        "总结这篇文章。",
        "茶叶出口去年增长一成，协会周一表示，长期干旱结束是主要原因，预计今年还会增长。",
        "增长。",
    ),
]

NO_REQUEST = [
    ("I keep the notes for Anna on this page.", "", "I keep the notes for {{name}} on this page."),
    (
        "Our website is https://loaf.test and we bake at night.",
        "",
        "Our website is {{url}} and we bake at night.",
    ),
    ("Nobody has answered on that page since May.", "", "Seit Mai hat dort niemand geantwortet."),
    ("Look at the pictures.", "", "Смотри на эти картинки сейчас же."),
    ("The results are summarized in Figure 2.", "", "结果总结在图2里，共有三项发现。"),
    (
        "Here is the link to our shop: https://loaf.test",
        "",
        "这里是我们小店的链接，欢迎光临：https://loaf.test",
    ),
    ("", "", "[picture of a loaf]"),
    ("", "", "如图"),
]
"""Texts to translate or to mask, and documents."""

ONLY_MENTIONED = [
    ("Ida paints 8 portraits a week. She earns 40 for these portraits. What does she earn a day?", "", "8"),
    ("I read a lot on this site and like it. Which roast is the mildest?", "", "Light roasts."),
    ("Can I use the provided picture in my own post?", "", "Yes, if you name its author."),
    ("May users post links on this page?", "", "Yes, up to three."),
    ("My shop sells hats. The hats are listed on that page. How do I ship hats?", "", "In boxes."),
    ("Suggest a title.", "[photo of an old mill behind tall poplars]", "The Mill"),
    ("给照片起个标题。", "[图片：一座老磨坊立在高高的白杨树后面]", "老磨坊"),
]

STILL_MISSING = [
    ("I wonder what the boy does in this picture.", "", "A kite."),
    ("The chart below shows our sales. Which month is best?", "", "May."),
    ("Ida paints portraits. Describe the mood of this painting.", "", "It is calm."),
    ("Suggest a title.", "[photo of a mill]", "The Mill"),
    ("Count the trees.", "[photo of an old mill behind tall poplars]", "Nine."),
    ("Textify the following screenshot:", "", "Total: 40"),
    ("Translate the text in this photo into English.", "", "Closed on Mondays until the end of May."),
    ("请把这张照片里的文字译成英语。", "", "Closed on Mondays until the end of May."),
    ("看下图，写出图中的单词。", "", "mill"),
]


@pytest.mark.parametrize(("instruction", "given", "response"), NO_REQUEST)
def test_a_text_that_asks_for_nothing_lacks_nothing(instruction: str, given: str, response: str) -> None:
    assert missing_context(instruction, given, response).rule == ""


@pytest.mark.parametrize(("instruction", "given", "response"), ONLY_MENTIONED)
def test_what_a_prompt_introduces_describes_or_only_mentions_is_not_missing(
    instruction: str, given: str, response: str
) -> None:
    assert missing_context(instruction, given, response).rule == ""


@pytest.mark.parametrize(("instruction", "given", "response"), STILL_MISSING)
def test_a_request_in_other_words_or_another_language_still_needs_its_picture(
    instruction: str, given: str, response: str
) -> None:
    assert missing_context(instruction, given, response).kind == "image"


def test_a_speech_that_was_to_be_inserted_is_a_text_and_no_sound() -> None:
    assert (
        missing_context("Sum up the speech.", "[insert a sample campaign speech]", "Hope.").kind == "web_page"
    )
    assert missing_context("Sum up the speech.", "[speech recording]", "Hope.").kind == "audio"


@pytest.mark.parametrize(("instruction", "given", "response"), IMAGE)
def test_a_task_about_an_absent_picture_needs_an_image(instruction: str, given: str, response: str) -> None:
    assert missing_context(instruction, given, response).kind == "image"


@pytest.mark.parametrize(("instruction", "given", "response"), AUDIO)
def test_a_task_about_an_absent_sound_needs_audio(instruction: str, given: str, response: str) -> None:
    assert missing_context(instruction, given, response).kind == "audio"


@pytest.mark.parametrize(("instruction", "given", "response"), PAGE)
def test_a_task_about_an_absent_page_needs_a_web_page(instruction: str, given: str, response: str) -> None:
    assert missing_context(instruction, given, response).kind == "web_page"


@pytest.mark.parametrize(("instruction", "given", "response"), [*NOT_IMAGE, *NOT_AUDIO, *NOT_PAGE])
def test_a_task_that_only_speaks_of_media_needs_nothing(instruction: str, given: str, response: str) -> None:
    assert missing_context(instruction, given, response).rule == ""


def test_earlier_turns_may_have_described_the_picture() -> None:
    ask = "Write a caption for this picture."
    assert missing_context(ask, "", "Paws.").kind == "image"
    assert missing_context(ask, "", "Paws.", earlier_turns=True).kind == ""
    assert missing_context(ask, "[image]", "Paws.", earlier_turns=True).kind == "image"


def test_the_rule_says_whether_ask_input_response_or_address_gave_it_away() -> None:
    assert missing_context("看图写话。", "", "春天。").rule.startswith("ask.zh.")
    assert missing_context("Name it.", "<image>", "A fox.").rule == "input.bracketed"
    assert missing_context("Draw a fox.", "", "[drawing of a fox]").rule == "response.bracketed"
    assert missing_context("Sum up this story.", "https://n.test/x", "Fine.").rule == "url.en.task"


def test_a_choice_among_named_films_needs_no_picture() -> None:
    ask = "Which of these animated cartoons won a prize? Snowfall, The Long Road, Paper Moon"
    assert missing_context(ask, "", "The Long Road won a prize.").kind == ""
    assert missing_context("What is the mood of these cartoons?", "", "They are gloomy.").kind == "image"


def test_pictures_that_someone_uploaded_in_a_sum_are_not_missing() -> None:
    ask = "Mara uploaded 40 pictures to her page and deleted 15. How many pictures are left?"
    assert missing_context(ask, "", "40 - 15 = 25 pictures are left.").kind == ""
    assert missing_context("Compare the uploaded 2 pictures.", "", "One is darker.").kind == "image"
    assert missing_context("Compare the attached pictures.", "", "One is darker.").kind == "image"
