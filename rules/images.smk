rule update_wcs:
    input:
        image=ancient(project.image_path),
        reference_files=ancient(project.reference_files),
    output:
        working=project.temporary("working/{image}.fits"),
    log:
        "logs/update_wcs/{image}.log",
    wildcard_constraints:
        image=project.images_of("update_wcs"),
    conda:
        "environment.yaml"
    params:
        job=project.job("update_wcs"),
    shell:
        "tweakreg-step {params.job:q} image={input.image:q} working={output.working:q} 2> {log:q}"


rule make_masks:
    input:
        image=ancient(project.image_for("make_masks")),
        exclusions=ancient(project.file_parameter("exclusions")),
    output:
        mask=project.temporary("masks/{image}.fits"),
    log:
        "logs/make_masks/{image}.log",
    wildcard_constraints:
        image=project.images_of("make_masks"),
    conda:
        "environment.yaml"
    params:
        job=project.job("make_masks"),
    shell:
        "tweakreg-step {params.job:q} image={input.image:q} exclusions={input.exclusions:q}"
        " mask={output.mask:q} 2> {log:q}"
