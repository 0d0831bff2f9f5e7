"""What the data room, the baselines and the study say, in Chinese: by the template that `mapsto._messages.say` was
called with. Nouns with their number (`count`, `opening`) have the singular as key, lists their separator.
"""

CHINESE_MESSAGES: dict[str, str] = {
    # separators of lists
    ", ": "、",
    "; ": "；",
    " ": "",
    ".": "。",
    "{names} and {more:,} more": "{names}，另有 {more:,} 个",
    # numbers and their nouns
    "{number:,} class has": "{number:,} 个类别",
    "{number:,} column": "{number:,} 列",
    "{number:,} column is": "{number:,} 列",
    "{number:,} file": "{number:,} 个文件",
    "{number:,} group": "{number:,} 个组",
    "{number:,} image": "{number:,} 张图像",
    "{number:,} infinite value": "{number:,} 个无穷大的值",
    "{number:,} level": "{number:,} 个取值",
    "{number:,} number": "{number:,} 个数",
    "{number:,} other value": "{number:,} 个其他值",
    "{number:,} pair": "{number:,} 对",
    "{number:,} rare level": "{number:,} 个罕见取值",
    "{number:,} recording": "{number:,} 段录音",
    "{number:,} row": "{number:,} 行",
    "{number:,} text": "{number:,} 条文本",
    "{number:,} training row": "{number:,} 行训练数据",
    "{number:,} training text": "{number:,} 条训练文本",
    "{number:,} value": "{number:,} 个值",
    "{number:,} word": "{number:,} 个词",
    # words
    "train": "训练集",
    "validation": "验证集",
    "test": "测试集",
    "rows": "行",
    "images": "张图像",
    "recordings": "段录音",
    "pixels": "个像素",
    "word": "词",
    "character": "字",
    "piece": "词片",
    # findings of the audit
    " (in a sample of {sample:,} of {total:,} rows)": "（在 {total:,} 行中抽取 {sample:,} 行检查）",
    "Not all was looked at in {seconds:g} s; {what}.": "{seconds:g} 秒内未能全部检查：{what}。",
    "not run: {checks}": "未运行：{checks}",
    "a check had no time for {columns}": "有一项检查来不及查看 {columns}",
    "Run `mapsto audit` with more time.": "请给 `mapsto audit` 更多时间。",
    "{images} of one color{sample}.": "{images}只有一种颜色{sample}。",
    "Remove them.": "请将其删除。",
    "Yes and no are said in more than two ways: {words} beside the usual ones.": (
        "“是”与“否”的写法多于两种：除常用写法外还有 {words}。"
    ),
    "If they mean the same, write them alike in the source.": "若含义相同，请在源数据中统一写法。",
    "{files} cannot be read.": "{files}无法读取。",
    "Each training has {epochs} of {wanted} epochs, so that the budget holds several whole ones. A study that "
    "is begun with a larger `--budget` gives them more; `--set training.max_epochs={wanted}` all.": (
        "为使预算容得下几次完整的训练，每次训练只有 {epochs} 轮，而非 {wanted} 轮。"
        "以更大的 `--budget` 开始的研究会有更多轮数；`--set training.max_epochs={wanted}` 则训练全部轮数。"
    ),
    "They are left out. Replace or remove the files.": "这些文件已被排除。请更换或删除。",
    "No value in any row.": "所有行都没有值。",
    "The same value in every row: {value}.": "所有行的值都相同：{value}。",
    "The column is put aside.": "此列不作为输入。",
    "{images} cannot be decoded{sample}.": "{images}无法解码{sample}。",
    "Dates kept as text, such as {first}; whether the day or the month comes first is not clear.": (
        "日期存为文本，如 {first}；无法判断日在前还是月在前。"
    ),
    "Write them as YYYY-MM-DD.": "请写成 YYYY-MM-DD。",
    "Dates kept as text, such as {first}: {share} of the values; {others}: {listed}{sample}.": (
        "日期存为文本，如 {first}：占全部值的 {share}；{others}：{listed}{sample}。"
    ),
    "Correct the others, or state the kind: `data.columns.{column}: date`.": (
        "请更正其余的值，或指明类型：`data.columns.{column}: date`。"
    ),
    "Distributed otherwise in the {part} part than in training (distance {distance:.2f} of 1, p {chance:.1g}); "
    "{means}.": "{part}中的分布与训练集不同（距离 {distance:.2f}，最大为 1；p 值 {chance:.1g}）；{means}。",
    "the median is {there:.6g} in training and {here:.6g} here": ("训练集的中位数为 {there:.6g}，此处为 {here:.6g}"),
    '"{level}" makes {there:.1f} % of training and {here:.1f} % here': (
        "“{level}”在训练集中占 {there:.1f} %，在此处占 {here:.1f} %"
    ),
    "Find out why: a network is tested on other data than it learns from.": (
        "请查明原因：用来测试网络的数据与它学习的数据不同。"
    ),
    "A model tells {part} rows from training rows in {share:.0f} % of pairs (chance: 50 %).": (
        "一个模型能在 {share:.0f} % 的行对中区分{part}与训练集的行（随机猜测为 50 %）。"
    ),
    "The parts were not drawn alike; a score on this part says less about training data, and the reverse.": (
        "各部分的抽取方式不同；在这一部分上的得分不足以说明训练数据，反之亦然。"
    ),
    "{rows} of the test or validation part also in another part.": ("测试集或验证集中有 {rows}也出现在其他部分。"),
    "Rows of the training part that are also elsewhere are left out of it.": (
        "训练集中同时出现在别处的行，会从训练集中排除。"
    ),
    "So many rows are alike that this may be their nature; look at them.": (
        "相同的行如此之多，也许数据本来如此；请查看。"
    ),
    "{rows} ({share}) the same as an earlier one, identifiers aside.": (
        "{rows}（{share}）与前面的某行相同（不计标识列）。"
    ),
    "Remove them unless rows may be alike by nature.": "除非各行本来就可能相同，否则请删除。",
    "{rows} with broken letters{sample}.": "{rows}含有乱码{sample}。",
    "Read the source again in its own encoding, or correct these rows.": (
        "请按源文件自身的编码重新读取，或更正这些行。"
    ),
    "A different value in nearly every row, as identifiers have (the first is {first}).": (
        "几乎每行的值都不同，像是标识（第一个是 {first}）。"
    ),
    "Put it aside if it only names the rows.": "若它只是行的名称，请不要作为输入。",
    "{images} of odd size or shape; the middle one is {usual} (height × width){sample}.": (
        "{images}的大小或形状异常；中位大小为 {usual}（高 × 宽）{sample}。"
    ),
    "Crop or remove them; all images are brought to one size.": "请裁剪或删除；所有图像会缩放到同一大小。",
    "{most} has {top:,} rows ({share}), {rare} {least:,}: {times:.3g} times as many{rest}": (
        "{most} 有 {top:,} 行（{share}），{rare} 有 {least:,} 行：前者是后者的 {times:.3g} 倍{rest}"
    ),
    "; {few:,} of {all:,} classes have fewer than {least} rows.": ("；{all:,} 个类别中有 {few:,} 个不足 {least} 行。"),
    "Choose a metric that counts classes alike (`search.metric: balanced_accuracy`), or balance training.": (
        "请选用平等看待各类别的指标（`search.metric: balanced_accuracy`），或在训练中平衡类别。"
    ),
    "{rows} ({share}) with a class that a quick model, right in {right:.0f} % of all rows, holds for wrong{sample}.": (
        "{rows}（{share}）的类别被一个快速模型（在全部行中有 {right:.0f} % 正确）判为错误{sample}。"
    ),
    "Look at them, the first ones first; correct those that are wrong.": "请从最前面的开始查看，并更正有错的。",
    "The same values as the target in every row.": "每一行的值都与目标相同。",
    "It alone tells the target almost perfectly ({measure} {score:.3f} on rows held out).": (
        "仅凭此列就几乎能完全得知目标（在留出的行上，{measure}为 {score:.3f}）。"
    ),
    "R² of ranks": "秩的 R² ",
    "balanced accuracy beyond chance": "超出随机水平的平衡准确率",
    "If it is not known when a prediction is wanted, put it aside: `data.columns.{column}: ignore`.": (
        "若预测时尚不知道它的值，请不要作为输入：`data.columns.{column}: ignore`。"
    ),
    "{values} missing ({share}).": "{values}缺失（{share}）。",
    "Rows without a target are left out.": "没有目标值的行会被排除。",
    "Say what stands in for them, or put the column aside: `data.columns.{column}: ignore`.": (
        "请指明用什么代替，或不将此列作为输入：`data.columns.{column}: ignore`。"
    ),
    "They are filled in as `data.missing` says, from training rows.": ("按 `data.missing` 的规定，根据训练行填补。"),
    "{numbers} ({share}) beside {words} such as {listed}{sample}.": (
        "{numbers}（{share}）与 {words}混在一起，如 {listed}{sample}。"
    ),
    "Keep one type: two columns, or words for missing values left empty.": (
        "请只保留一种类型：分成两列，或将表示缺失的词留空。"
    ),
    "Correct these cells in the source, or read the column as words.": (
        "请在源数据中更正这些单元格，或将此列作为文字读取。"
    ),
    "{items} nearly the same as an earlier one{sample}{rest}": "{items}与前面的某一个几乎相同{sample}{rest}",
    "; {pairs} in different parts.": "；其中 {pairs}分属不同部分。",
    "Look at the pairs; put those that are the same into one part (`data.split: group`), or remove them.": (
        "请查看这些成对的数据；将相同的放入同一部分（`data.split: group`），或删除。"
    ),
    "{values} ({share}) beyond {fence:g} inter-quartile ranges, {limit:g} deviations and the column's own tail; the "
    "furthest by {furthest:.3g} deviations{sample}.": (
        "{values}（{share}）超出 {fence:g} 倍四分位距、{limit:g} 个标准差以及本列自身的尾部；"
        "最远的相差 {furthest:.3g} 个标准差{sample}。"
    ),
    "Look at them; `data.outliers: clip` limits what they do.": "请查看；`data.outliers: clip` 可限制其影响。",
    "{rows} that an isolation forest tells apart at once, though no single value is far out{sample}.": (
        "{rows}被孤立森林立即分辨出来，尽管其中没有单个值远离其他值{sample}。"
    ),
    "Look at them.": "请查看。",
    "{images} stored turned or mirrored by Exif{sample}.": "{images}按 Exif 以旋转或镜像方式存储{sample}。",
    "They are turned upright when they are read; other programs may not do so.": ("读取时会转正；其他程序未必如此。"),
    "Text in several languages or scripts: {shares}{sample}.": "文本含有多种语言或文字：{shares}{sample}。",
    "If they are there by mistake, remove them; else be sure that every part has all of them.": (
        "若是误入，请删除；否则请确保各部分都包含每一种。"
    ),
    "{recordings} ({share}) without any sound.": "{recordings}（{share}）没有任何声音。",
    "Remove them unless silence is what a class is about.": "除非某个类别就是静音，否则请删除。",
    "{levels} written as another but for white space or Unicode form, in {rows}: {pairs}.": (
        "{levels}与另一取值仅空白或 Unicode 形式不同，涉及 {rows}：{pairs}。"
    ),
    "They are read in the plain form.": "读取时统一为规范形式。",
    "{levels} like a more frequent one but for case or punctuation, in {rows}: {pairs}.": (
        "{levels}与更常见的取值仅大小写或标点不同，涉及 {rows}：{pairs}。"
    ),
    "{levels} one letter away from a frequent one: {listed}.": "{levels}与常见取值只差一个字母：{listed}。",
    "If they are slips, correct them in the source.": "若是笔误，请在源数据中更正。",
    "{wrong} for {right}": "{wrong}（应为 {right}）",
    # cleaning
    '"{column}": {forms} (`data.clean`).': "“{column}”：{forms}（`data.clean`）。",
    "{wrong} is read as {right}": "{wrong} 读作 {right}",
    "and {more:,} more": "另有 {more:,} 个",
    '"{name}" is put aside (`data.clean`).': "“{name}”不作为输入（`data.clean`）。",
    "{rows} of {total:,} the same as a row of validation or test": (
        "{total:,} 行中有 {rows}与验证集或测试集的某行相同"
    ),
    "{rows}. So many rows are alike that they are kept.": "{rows}。相同的行太多，因此予以保留。",
    "{rows}; left out of training (`data.clean`).": "{rows}，已从训练中排除（`data.clean`）。",
    # splitting and preparing
    "says which rows belong together": "指明哪些行属于一组",
    "says when a row was measured": "指明各行的测量时间",
    "says how much a row counts in the training loss": "指明各行在训练损失中的权重",
    '"{name}" {meaning} (`data.{setting}`) and is not an input.': (
        "“{name}”{meaning}（`data.{setting}`），不作为输入。"
    ),
    "Fold {fold} of {folds} (counted from 0): {validate:,} rows validate, {train:,} train; the test part is in no "
    "fold.": (
        "共 {folds} 折，这是第 {fold} 折（从 0 数起）：{validate:,} 行验证，{train:,} 行训练；测试集不在任何一折中。"
    ),
    'Parts by "{name}", the oldest rows first: {spans}.': "按“{name}”划分，最早的行在前：{spans}。",
    "{part} {span}": "{part} {span}",
    "{first} to {last}": "{first} 至 {last}",
    '{rows} without a time in "{name}" left out.': "{rows}在“{name}”中没有时间，已排除。",
    'Rows of the same "{name}" are in the same part; groups: {counts}.': (
        "“{name}”相同的行在同一部分；组数：{counts}。"
    ),
    "{part} {number:,}": "{part} {number:,}",
    '{rows} without a value of "{name}" taken as groups of one.': "{rows}没有“{name}”的值，各自成为一组。",
    '{groups} of "{name}" in more than one of the parts that are given ({listed}): scores may look better than they '
    "are.": "“{name}”中有 {groups}出现在不止一个给定的部分中（{listed}）：得分可能偏高。",
    "The parts are those of {source}: {counts} rows.": "各部分由{source}给出：{counts} 行。",
    "the source": "数据来源",
    'column "{name}"': "列“{name}”",
    "Levels, vocabularies and scales were learned from {most:,} of the {total:,} training rows (`data.memory`).": (
        "取值、词表与缩放是从 {total:,} 行训练数据中的 {most:,} 行学得的（`data.memory`）。"
    ),
    '{rows} without a usable value of the target "{target}" left out.': ("{rows}没有可用的目标值“{target}”，已排除。"),
    "{rows} of {total:,} with a missing number left out (`data.missing`).": (
        "{total:,} 行中有 {rows}缺少数值，已排除（`data.missing`）。"
    ),
    "{rows} of {total:,} with an outlier left out of training (`data.outliers`).": (
        "{total:,} 行中有 {rows}含离群值，已从训练中排除（`data.outliers`）。"
    ),
    "{rows} left out that cannot be read ({named}).": "{rows}无法读取，已排除（{named}）。",
    "{rows} left out: no training row has their class ({values}).": (
        "{rows}已排除：训练集中没有它们的类别（{values}）。"
    ),
    # encoding
    "Missing numbers in {columns} ({listed}) are replaced by {value}{sample}{more}.": (
        "{columns}（{listed}）中缺失的数由{value}代替{sample}{more}。"
    ),
    " (of a sample of {rows:,} of them)": "（取自其中 {rows:,} 行的样本）",
    "; a further feature tells which were missing": "；另有一个特征标明哪些原本缺失",
    "`data.fill_value`": " `data.fill_value` ",
    "the median of the training rows": "训练行的中位数",
    "the mean of the training rows": "训练行的平均值",
    "the most frequent number of the training rows": "训练行中最常见的数",
    "the mean of the most similar training rows": "最相似的训练行的平均值",
    "what a regression on the other columns tells": "用其他列回归得到的值",
    "{values} in training ({listed}); treated as missing.": "训练集中有 {values}（{listed}），按缺失处理。",
    "{classes} only one training row: {names}. A network can hardly learn them.": (
        "{classes}只有一行训练数据：{names}。网络很难学会。"
    ),
    "{labels} only one training row: {names}. A network can hardly learn them.": (
        "{labels}只有一行训练数据：{names}。网络很难学会。"
    ),
    "{number:,} label has": "{number:,} 个标签",
    "{left:,} of {labels:,} labels left out, for lack of time": "{labels:,} 个标签中有 {left:,} 个因时间不足而略去",
    "the same {labels:,} labels for every row": "每一行都答同样的 {labels:,} 个标签",
    'No cell of "{name}" holds more than one label (`data.label_separator`).': (
        "“{name}”没有一格含有多于一个标签（`data.label_separator`）。"
    ),
    '{rows} of {total:,} in training without a label in "{name}", which is taken as having none. Leave out '
    "rows of which the labels are not known.": (
        "训练的 {total:,} 行中{rows}在“{name}”里没有标签，视为不属于任何标签。若有标签未知的行，请先去掉。"
    ),
    'The target "{name}" holds {labels:,} labels joined by "{separator}", so a row may have several. To take each '
    "combination as a class, set `data.columns.{name}` to category.": (
        "目标“{name}”含有 {labels:,} 个标签，以“{separator}”连接，因此一行可有多个标签。"
        "若要把每种组合当作一个类别，请将 `data.columns.{name}` 设为 category。"
    ),
    "{columns} constant in training and left out: {names}.": ("{columns}在训练集中为常数，已排除：{names}。"),
    "{columns} too large to scale and left out: {names}. Give them in another unit.": (
        "{columns}大到无法缩放，已排除：{names}。请换用其他单位。"
    ),
    "{files:,} of the texts in {name} are not UTF-8 and were read as {encoding} ({shown}): look whether their "
    "letters are right. If not, save them as UTF-8.": (
        "{name} 中有 {files:,} 条文本不是 UTF-8，已按 {encoding} 读取（{shown}）："
        "请检查文字是否正确。如不正确，请另存为 UTF-8。"
    ),
    '"{column}" has levels that training did not have ({levels}); what they mean is unknown.': (
        "“{column}”含有训练集中没有的取值（{levels}）；其含义未知。"
    ),
    "{columns} ({names}) has {remark}.": "{columns}（{names}）：{remark}。",
    "{columns} ({names}) have {remark}.": "{columns}（{names}）：{remark}。",
    "more than {most} levels; the {most} most frequent are kept, all others count as one (`data.max_levels`)": (
        "取值多于 {most} 个；保留最常见的 {most} 个，其余合为一个（`data.max_levels`）"
    ),
    "levels that become the mean target of each; of a training row, the mean over other rows": (
        "各取值换成其目标的平均值；对训练行，取其他行的平均值"
    ),
    "Pixels from {low:g} to {high:g} are stored as 0 to 255.": "从 {low:g} 到 {high:g} 的像素值存为 0 到 255。",
    "Images are resized to {width} × {height} pixels (width × height; {was}). `data.image_size` sets another size.": (
        "图像缩放为 {width} × {height} 像素（宽 × 高；{was}）。可用 `data.image_size` 另设大小。"
    ),
    "they are {size}": "原为 {size}",
    "{share:.0f} % are {size}": "{share:.0f} % 原为 {size}",
    "{part} of the training pixels have the value {void} and are ignored.": (
        "训练像素中有 {part} 的值为 {void}，予以忽略。"
    ),
    "No training mask has the value {void} (`data.ignore_class`).": (
        "训练掩码中没有值 {void}（`data.ignore_class`）。"
    ),
    "No training mask has {values}, but masks of other parts do; these pixels are ignored.": (
        "训练掩码中没有 {values}，但其他部分的掩码中有；这些像素予以忽略。"
    ),
    "{number} classes in the masks: were they saved with loss (JPEG), or smoothed? Values: {values}.": (
        "掩码中有 {number} 个类别：是否以有损格式（JPEG）保存，或经过平滑？值：{values}。"
    ),
    "Mask values of -1 are stored as {void}. Set `data.ignore_class` to {void} if they mean void.": (
        "掩码中的 -1 存为 {void}。若表示空白，请将 `data.ignore_class` 设为 {void}。"
    ),
    "Recordings become log-mel spectrograms of {bands} bands × {frames} frames: {seconds:.3g} seconds at {rate:,} "
    "samples a second{cut}. `data.duration`, `data.sample_rate` and `data.num_mels` set others.": (
        "录音转换为 {bands} 个频带 × {frames} 帧的对数梅尔谱：{seconds:.3g} 秒，每秒 {rate:,} 个采样{cut}。"
        "可用 `data.duration`、`data.sample_rate` 和 `data.num_mels` 另设。"
    ),
    "; {recordings} in training longer than that": "；训练集中有 {recordings}比这更长",
    "Texts are read as {known:,} of {different}; {unknown} of the {unit}s in training are unknown.": (
        "文本按{different}中的 {known:,} 个读取；训练集中有 {unknown} 的{unit}未收录。"
    ),
    "one different {unit}": "1 个不同的{unit}",
    "{number:,} different {unit}s": " {number:,} 个不同的{unit}",
    "Texts are read as {known:,} different pieces of words, learned from them; {unknown} of the pieces in training are "
    "unknown.": "文本按从中学得的 {known:,} 个不同词片读取；训练集中有 {unknown} 的词片未收录。",
    "Most letters of the texts are of a script in which no space parts words, so they are read as {unit}s "
    "(`data.tokenizer`).": "文本中的多数文字不用空格分词，因此按{unit}读取（`data.tokenizer`）。",
    "{share} of the training texts are longer than {length} {unit}s; their last {length} are kept "
    "(`data.max_length`).": ("{share} 的训练文本长于 {length} 个{unit}；保留最后 {length} 个（`data.max_length`）。"),
    "{texts} held no {unit} at all.": "{texts}不含任何{unit}。",
    # sources
    '"{name}" {remark}.': "“{name}”{remark}。",
    "{silent:,} of {total:,} recordings in {name} are silent: {shown}.": (
        "{name} 的 {total:,} 段录音中有 {silent:,} 段没有声音：{shown}。"
    ),
    "{name} has {rows:,} rows, more than `data.memory` ({memory}) has room for. They lie in a temporary file; what the "
    "columns hold was told from {sample:,} of them.": (
        "{name} 有 {rows:,} 行，超出 `data.memory`（{memory}）所能容纳。数据存于临时文件；"
        "各列的内容由其中 {sample:,} 行判断。"
    ),
    "{files:,} {what} lie in no class's folder and were left out: {shown}": (
        "{files:,} {what}不在任何类别的文件夹中，已排除：{shown}"
    ),
    "{files:,} {what} have no label by `data.label_pattern` and were left out: {shown}": (
        "{files:,} {what}按 `data.label_pattern` 没有标签，已排除：{shown}"
    ),
    "{name} is not UTF-8 and was read as {encoding}: look whether {what} are right. If not, save it as UTF-8.": (
        "{name} 不是 UTF-8，按 {encoding} 读取：请检查{what}是否正确。若不正确，请存为 UTF-8。"
    ),
    "Chinese characters": "汉字",
    "letters with accents": "带重音的字母",
    "{files:,} files in {name} have names that lead out of it, and were left out.": (
        "{name} 中有 {files:,} 个文件的名称指向其外部，已排除。"
    ),
    "The splits {names} are not used: a part is called train, validation or test.": (
        "未使用 {names}：各部分只能叫 train、validation 或 test。"
    ),
    "{images:,} images have no class that is known and were left out: {shown}.{hint}": (
        "{images:,} 张图像没有已知的类别，已排除：{shown}。{hint}"
    ),
    " Put {truth} and {meta} of the development kit, or {solution}, into {source}.": (
        "请将开发包中的 {truth} 和 {meta}，或 {solution}，放入 {source}。"
    ),
    "{images:,} images in {name} have no annotation; left out.": ("{name} 中有 {images:,} 张图像没有标注，已排除。"),
    "{keys:,} keys in {name} have no image or recording; left out.": (
        "{name} 中有 {keys:,} 个键没有图像或录音，已排除。"
    ),
    # what columns hold
    "no value at all": "没有任何值",
    "the same value in every row": "每行的值都相同",
    "a different text in every row, as identifiers have": "每行的文字都不同，像是标识",
    "a different whole number in every row and the name of an identifier": "每行的整数都不同，名称也像标识",
    "lists, bytes or other objects that are neither numbers nor text": ("值是列表、字节或其他既非数也非文字的对象"),
    " ({shown})": "（{shown}）",
    ' ("{name}": {shown})': "（“{name}”：{shown}）",
    '"{name}" has {reason}{said}; it is not used.': "“{name}”{reason}{said}；未使用。",
    "{columns:,} columns ({listed}) have {reason}{said}; they are not used.": (
        "{columns:,} 列（{listed}）{reason}{said}；未使用。"
    ),
    "{number:,} more remarks of this sort are left out.": "另有 {number:,} 条此类说明从略。",
    'The target "{name}" is a date, read in days since 1970.': "目标“{name}”是日期，读作自 1970 年起的天数。",
    'The target "{name}" holds {distinct} different whole numbers, which are taken as classes. To predict the number '
    "itself, set `data.columns.{name}` to numeric.": (
        "目标“{name}”含 {distinct} 个不同的整数，作为类别处理。"
        "若要预测数值本身，请将 `data.columns.{name}` 设为 numeric。"
    ),
    '"{name}" is read as numbers, but has other text as well ({shown}), which is read as missing.': (
        "“{name}”读作数，但还含有其他文字（{shown}），按缺失读取。"
    ),
    '"{name}" is read as dates, but has other text as well ({shown}), which is read as missing.': (
        "“{name}”读作日期，但还含有其他文字（{shown}），按缺失读取。"
    ),
    '"{name}" holds codes such as "{code}", with {why}, and is read as text. If they are numbers, set '
    "`data.columns.{name}` to numeric.": (
        "“{name}”含有编码，如“{code}”（{why}），读作文字。若是数，请将 `data.columns.{name}` 设为 numeric。"
    ),
    "more digits than a number holds exactly": "位数超出数所能精确表示的",
    "a leading zero": "以零开头",
    "has {count:,} cells {which}, read as missing": "有 {count:,} 个单元格{which}，按缺失读取",
    'that hold "{text}"': "的内容是“{text}”",
    "that are blank": "为空白",
    "is read as numbers; {count:,} of its cells are none ({shown}) and are read as missing": (
        "读作数；其中 {count:,} 个单元格不是数（{shown}），按缺失读取"
    ),
    "is read as dates; some of its cells are none ({shown}) and are read as missing": (
        "读作日期；其中有些单元格不是日期（{shown}），按缺失读取"
    ),
    'holds dates such as "{first}", but whether the day or the month comes first, {doubt}; it is read as text. Write '
    "2024-01-31": "含有日期，如“{first}”，但日在前还是月在前，{doubt}；读作文字。请写成 2024-01-31",
    "the data do not tell": "数据没有说明",
    "both are there": "两种写法都有",
    "is read as numbers: {examples}{percents}{why}": "读作数：{examples}{percents}{why}",
    '"{text}" is {number:.12g}': "“{text}”是 {number:.12g}",
    "; percents are not divided by 100": "；百分数不除以 100",
    '; {why}. If it is wrong, set `data.number_formats.{name}` to "{other}"': (
        "；{why}。若有误，请将 `data.number_formats.{name}` 设为“{other}”"
    ),
    "holds percents, but {bare:,} of its cells have no percent sign and are read as they are": (
        "含有百分数，但其中 {bare:,} 个单元格没有百分号，照原样读取"
    ),
    "holds {kinds}, such as {shown}, and is not read as numbers. Convert them to one": (
        "含有{kinds}，如 {shown}，不读作数。请换算成同一种"
    ),
    "percents and amounts": "百分数和金额",
    "amounts of several currencies": "多种货币的金额",
    'holds numbers such as "{point}" and "{comma}", with different decimal marks, and is not read as numbers': (
        "含有“{point}”和“{comma}”这样小数点不同的数，不读作数"
    ),
    "holds numbers with points and with commas, and the data do not tell which are thousands": (
        "含有带点和带逗号的数，数据没有说明哪种是千位分隔"
    ),
    'in "{text}" the {sign} parts thousands, since no other number is above 999': (
        "“{text}”中的{sign}是千位分隔，因为没有其他数大于 999"
    ),
    'in "{text}" the {sign} parts thousands, since many of them are round': (
        "“{text}”中的{sign}是千位分隔，因为其中许多以零结尾"
    ),
    'in "{text}" the comma parts thousands, as usual with {unit}': ("“{text}”中的逗号是千位分隔，{unit} 通常如此"),
    'in "{text}" the {sign} parts thousands, as other columns show': ("“{text}”中的{sign}是千位分隔，其他列表明如此"),
    'in "{text}" the {sign} is the decimal mark, as other columns show': ("“{text}”中的{sign}是小数点，其他列表明如此"),
    'in "{text}" the {sign} is taken for the decimal mark; the data do not tell': (
        "“{text}”中的{sign}被当作小数点；数据没有说明"
    ),
    "point": "点",
    "comma": "逗号",
    "{broken:,} of {total:,} {what} in {name} cannot be read": (
        "{name} 的 {total:,} {what}中有 {broken:,} {what}无法读取"
    ),
    "{images} with more than one frame or page; the first alone is read.": (
        "{images}含有多帧或多页；只读取第一帧（页）。"
    ),
    "{count} and were left out: {named}": "{count}，已排除：{named}",
    "And {more:,} more.": "另有 {more:,} 个。",
    "The fields of {name} are separated by {separator}.": "{name} 的字段以{separator}分隔。",
    "commas": "逗号",
    "semicolons": "分号",
    "tabs": "制表符",
    "bars": "竖线",
    "{number:,} line": "{number:,} 行",
    '{name} has {lines} above the header ("{shown}"), which are not read.': (
        "{name} 的表头之上有 {lines}（“{shown}”），未读取。"
    ),
    '{name} has {rows} above the header ("{title}"), which are not read.': (
        "{name} 的表头之上有 {rows}（“{title}”），未读取。"
    ),
    "The names in {name} are in two rows, and are joined ({shown}).": ("{name} 的列名分两行，已合并（{shown}）。"),
    'The first line of {name} holds numbers and was read as a row. The columns are called "column 1", "column 2" and '
    "so on.": "{name} 的第一行是数，作为数据读取。各列称为“column 1”、“column 2”等。",
    'The first line of {name} was read as names, but holds "{shown}". If it is a row of data, put a line of names '
    "above it.": "{name} 的第一行作为列名读取，但含有“{shown}”。若它是数据，请在其上加一行列名。",
    "texts": "条文本",
    # baselines
    "trained on all {total:,} {what}": "用全部 {total:,} {what}训练",
    "trained on {count:,} of {total:,} {what}": "用 {total:,} {what}中的 {count:,} {what}训练",
    "could not be fitted: {cause}": "无法拟合：{cause}",
    "the share of each class as its probability": "以各类别所占比例为其概率",
    "one pixel in {side} × {side} predicted, its neighbors alike": (
        "每 {side} × {side} 个像素预测一个，相邻像素取同样结果"
    ),
    "ended after {done} iterations": "迭代 {done} 次后结束",
    "ended after {done} of {rounds} rounds, for lack of time": ("因时间不足，在 {rounds} 轮中的第 {done} 轮后结束"),
    "{components:.0f} principal components of {features:,} features": (
        "{features:,} 个特征的 {components:.0f} 个主成分"
    ),
    "TF-IDF of the words": "词的 TF-IDF",
    "{size} singular vectors of {words}": "{words}的 {size} 个奇异向量",
    # the study
    "There was no time for a single epoch, so this network is all but untrained: give a larger budget.": (
        "时间不够训练一轮，因此这个网络几乎未经训练：请增加预算。"
    ),
    "One recipe was trained; there was nothing to compare it with.": "只训练了一个配方，没有可比较的对象。",
    "Only one recipe could be trained in the time, so there is nothing to compare it with.": (
        "时间只够训练一个配方，因此没有可比较的对象。"
    ),
    "No recipe was better on average than the default one, so the default is the winner.": (
        "没有配方的平均表现好于默认配方，因此默认配方胜出。"
    ),
    "The default recipe could not be trained here, so there is nothing to compare the winner with.": (
        "默认配方在这里无法训练，因此胜者没有可比较的对象。"
    ),
    "A training failed when the winner and the default recipe were run again, so the difference between "
    "them is not known.": "优胜者与默认配方重新训练时有一次失败，因此两者的差异不得而知。",
    "There was no time for {fresh}, so the difference from the default recipe is not known.": (
        "没有时间在{fresh}上训练，因此与默认配方的差异不得而知。"
    ),
    "other folds": "其他折",
    "other seeds": "其他种子",
    "The winner is better than the default recipe: {figures}.": "胜出者好于默认配方：{figures}。",
    "The winner is not distinguishable from the default recipe: {figures}.": ("胜出者与默认配方无法区分：{figures}。"),
    "The default recipe is better: {figures}.": "默认配方更好：{figures}。",
    "{gain:+.4g}{unit} of {metric} on the {part}{interval}": ("在{part}上，{metric} 相差 {gain:+.4g}{unit}{interval}"),
    " points": " 个百分点",
    "validation part": "验证集",
    "validation parts of the folds": "各折的验证集",
    " (95 % interval {low:+.4g} to {high:+.4g}, {runs})": "（95 % 区间 {low:+.4g} 至 {high:+.4g}，{runs}）",
    "{number} seeds": "{number} 个种子",
    "{number} folds": "{number} 折",
    "{seeds} runs on {folds} folds": "在 {folds} 折上运行 {seeds} 次",
    # how the search went about it
    "{number:,} data set": "{number:,} 个数据集",
    "{number:,} recipe": "{number:,} 个配方",
    "{number:,} setting": "{number:,} 个设置",
    "{number:,} trial": "{number:,} 次试验",
    "Grid search, since there are only {size:,} combinations.": "网格搜索，因为只有 {size:,} 种组合。",
    "Quasi-random search, since {trials:,} trials are too few for a model.": (
        "准随机搜索，因为 {trials:,} 次试验不足以建立模型。"
    ),
    "TPE, since some settings are searched only beside some values of others.": (
        "TPE，因为有些设置只在其他设置取某些值时才搜索。"
    ),
    "TPE, which can do with every kind of setting and any number of trials.": ("TPE，各种设置、任意次数的试验都适用。"),
    "TPE, which finds good trade-offs of {number} objectives in few trials.": (
        "TPE，用不多的试验就能找到 {number} 个目标之间的良好折中。"
    ),
    "A Gaussian process, which makes the most of {trials:,} trials.": "高斯过程，最能用好 {trials:,} 次试验。",
    "CMA-ES, since all settings are numbers and there are {trials:,} trials.": (
        "CMA-ES，因为所有设置都是数，且有 {trials:,} 次试验。"
    ),
    "NSGA-II, since there are several objectives and {trials:,} trials.": (
        "NSGA-II，因为有多个目标，且有 {trials:,} 次试验。"
    ),
    "NSGA-III, since there are many objectives and {trials:,} trials.": (
        "NSGA-III，因为目标很多，且有 {trials:,} 次试验。"
    ),
    "First after the default recipe: {recipes} that did well before, from {sources}.": (
        "默认配方之后，先试以往表现好的{recipes}，来自 {sources}。"
    ),
    "the portfolio of mapsto": "mapsto 自带的配方集",
    "recipe {number} of the portfolio for {model}, measured on {sets}": (
        "{model} 配方集中的第 {number} 个配方，在{sets}上测得"
    ),
    "trial {number} of {run}, where {share:.0%} of the other recipes did worse": (
        "{run} 的第 {number} 号试验，那里 {share:.0%} 的其他配方不如它"
    ),
    # what the trials say of the space
    "Importance needs {least} complete trials; there are {found}.": (
        "计算重要性需要 {least} 次完整的试验；现有 {found} 次。"
    ),
    "All {found} complete trials have the same score.": "全部 {found} 次完整的试验分数相同。",
    "Over {used:,} of {found:,} complete trials.": "依据 {found:,} 次完整试验中的 {used:,} 次。",
    "The best trial has `{leaf}` {value}, {side} of {range}, and {near} of the best {top} lie near that end; of the "
    "other {others:,}, {rest:,} do. The optimum may lie beyond it.": (
        "最好的试验中 `{leaf}` 为 {value}，{side}（范围 {range}）；最好的 {top} 次中有 {near} 次靠近这一端，"
        "其余 {others:,} 次中有 {rest:,} 次。最优值可能在范围之外。"
    ),
    "at the lower end": "位于下端",
    "at the upper end": "位于上端",
    "`{leaf}` does not matter in {range}: its importance is {fanova} (fANOVA) and {ped} (PED-ANOVA), and the scores of "
    "{count:,} trials differ along it no more than by chance. It can be set to {value}.": (
        "`{leaf}` 在 {range} 内无关紧要：其重要性为 {fanova}（fANOVA）与 {ped}（PED-ANOVA），{count:,} 次试验的分数"
        "随它的变化不超出偶然。可以固定为 {value}。"
    ),
    "{bad:,} of {all:,} trials could not be trained or were beyond a limit, and no single setting explains it.": (
        "{all:,} 次试验中有 {bad:,} 次无法训练或超出限制，没有哪一个设置能单独解释。"
    ),
    "{bad:,} of {all:,} trials could not be trained or were beyond a limit; {inside:,} of them are among the {size:,} "
    "with `{leaf}` {region}.": (
        "{all:,} 次试验中有 {bad:,} 次无法训练或超出限制；其中 {inside:,} 次属于 `{leaf}` {region}的 {size:,} 次试验。"
    ),
    "at {value}": "为 {value} ",
    "at most {value}": "不大于 {value} ",
    "at least {value}": "不小于 {value} ",
    "{trials} for {settings}, searched at once, are few; {wanted:,} would show more. What they say of single settings "
    "is not sure.": ("同时搜索{settings}，{trials}偏少；{wanted:,} 次能看出更多。由此对单个设置得出的结论并不可靠。"),
    "`{leaf}` was searched in none of {all:,} trials: {cause}.": "{all:,} 次试验都没有搜索 `{leaf}`：{cause}。",
    "what was chosen has no such setting": "所选的成员没有这个设置",
    "`{condition}` never held": "条件 `{condition}` 从未成立",
    "None of the {had:,} trials that searched `{leaf}` had: {options}.": (
        "搜索了 `{leaf}` 的 {had:,} 次试验从未取到：{options}。"
    ),
    # trials that have no place in an edited space
    "`{leaf}` is searched now; the trial had no such setting.": "现在搜索 `{leaf}`；该试验没有这个设置。",
    "`{leaf}` is searched in {range} now; the trial had {value}.": (
        "现在 `{leaf}` 在 {range} 内搜索；该试验取 {value}。"
    ),
    "`{leaf}` is {now} now; the trial had no such setting.": "现在 `{leaf}` 为 {now}；该试验没有这个设置。",
    "`{leaf}` is {now} now; the trial had {value}.": "现在 `{leaf}` 为 {now}；该试验取 {value}。",
    "There is no `{leaf}` now; the trial had {value}.": "现在没有 `{leaf}`；该试验取 {value}。",
}
