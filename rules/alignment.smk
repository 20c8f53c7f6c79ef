rule match_sources:
    input:
        sky="sky/{image}.ecsv",
        plane="reference/wcs.fits",
        sources="reference/sources.ecsv",
    output:
        matches=project.temporary("matches/{image}.ecsv"),
    log:
        "logs/match_sources/{image}.log",
    wildcard_constraints:
        image=project.images_of("match_sources"),
    conda:
        "environment.yaml"
    params:
        job=project.job("match_sources"),
    shell:
        "tweakreg-step {params.job:q} sky={input.sky:q} plane={input.plane:q}"
        " sources={input.sources:q} matches={output.matches:q} 2> {log:q}"


rule fit_alignment:
    input:
        matches="matches/{image}.ecsv",
        plane="reference/wcs.fits",
    output:
        fit="fits/{image}.json",
        pairs="fits/{image}.ecsv",
    log:
        "logs/fit_alignment/{image}.log",
    wildcard_constraints:
        image=project.images_of("fit_alignment"),
    conda:
        "environment.yaml"
    params:
        job=project.job("fit_alignment"),
    shell:
        "tweakreg-step {params.job:q} matches={input.matches:q} plane={input.plane:q}"
        " fit={output.fit:q} pairs={output.pairs:q} 2> {log:q}"


rule align:
    input:
        sky=expand("sky/{image}.ecsv", image=project.sequence),
        plane="reference/wcs.fits",
        sources=project.starting_sources,
    output:
        matches=project.temporary(
            expand("matches/{image}.ecsv", image=project.sequence)
        ),
        fits=expand("fits/{image}.json", image=project.sequence),
        pairs=expand("fits/{image}.ecsv", image=project.sequence),
        expanded="reference/expanded_sources.ecsv",
    log:
        "logs/align.log",
    conda:
        "environment.yaml"
    params:
        job=project.job("align"),
    shell:
        "tweakreg-step {params.job:q} manifest=manifest.json plane={input.plane:q}"
        " sources={input.sources:q} expanded={output.expanded:q} 2> {log:q}"
